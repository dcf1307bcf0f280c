from dialback.domain.accounts import Scope
from dialback.domain.tenancy import Role
from dialback.web.api.needs import NEEDS

OF_ONES_OWN = {"revoke_connection_file"}
"""What everybody may do with what is theirs; the operation asks for more where it is somebody else's."""


def test_what_changes_the_directory_needs_an_administrator() -> None:
    changing = (
        "save_",
        "remove_",
        "assign_",
        "unassign_",
        "disable_",
        "enable_",
        "add_",
        "invite_",
        "revoke_",
        "reset_",
        "end_",
    )

    for operation, needs in NEEDS.items():
        if operation.startswith(changing) and needs.staff is None and operation not in OF_ONES_OWN:
            assert needs.role in (Role.OWNER, Role.ADMINISTRATOR), operation


def test_writing_scopes_read_too_and_reading_ones_do_not_write() -> None:
    for operation, needs in NEEDS.items():
        reads = operation.startswith(("list_", "read_"))
        for scope in needs.scopes:
            if scope.endswith(":read"):
                assert reads, operation
                assert scope is Scope.AUDIT_READ or Scope(scope.replace(":read", ":write")) in needs.scopes


def test_tokens_make_no_tokens_and_approve_nothing() -> None:
    for operation in (
        "make_api_token",
        "list_api_tokens",
        "revoke_api_token",
        "approve",
        "deny",
        "invite_user",
        "reset_codes",
    ):
        assert NEEDS[operation].scopes == frozenset()
