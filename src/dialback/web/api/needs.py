"""Which role a person, and which scope a token needs for each operation of the API: one table, all of it.

An operation that has no entry cannot be added. What an entry allows is narrowed further where the operation
says so: a user sees their own sessions only, and nobody gives away a role above their own.
"""

from dataclasses import dataclass

from dialback.domain.accounts import Scope
from dialback.domain.provider import StaffRole
from dialback.domain.tenancy import Role


@dataclass(frozen=True, slots=True)
class Needs:
    """What an operation needs: a person of at least `role`, or a token with one of `scopes`.

    Without scopes it is for persons alone; without a role it is for anybody, and needs nothing. With `staff`
    it is for the provider's staff of at least that role, and for whoever has the server's data folder.
    """

    role: Role | None
    scopes: frozenset[Scope] = frozenset()
    staff: StaffRole | None = None


_READ_DIRECTORY = frozenset({Scope.DIRECTORY_READ, Scope.DIRECTORY_WRITE})
_READ_SESSIONS = frozenset({Scope.SESSIONS_READ, Scope.SESSIONS_WRITE})
_READ_HOSTS = frozenset({Scope.HOSTS_READ, Scope.HOSTS_WRITE})

ANYBODY = Needs(None)
OWN = Needs(Role.USER)
WHOEVER = Needs(Role.USER, frozenset(Scope))
READ = Needs(Role.HELPDESK, _READ_DIRECTORY)
WRITE = Needs(Role.ADMINISTRATOR, frozenset({Scope.DIRECTORY_WRITE}))
READ_HOSTS = Needs(Role.HELPDESK, _READ_HOSTS)
WRITE_HOSTS = Needs(Role.ADMINISTRATOR, frozenset({Scope.HOSTS_WRITE}))
READ_SESSIONS = Needs(Role.USER, _READ_SESSIONS)
WRITE_SESSIONS = Needs(Role.USER, frozenset({Scope.SESSIONS_WRITE}))
ANY_SESSION = Needs(Role.HELPDESK, frozenset({Scope.SESSIONS_WRITE}))
CONSENT = Needs(Role.ADMINISTRATOR)
PROVIDER_READS = Needs(Role.USER, staff=StaffRole.AUDITOR)
PROVIDER_REACHES = Needs(Role.USER, staff=StaffRole.TECHNICIAN)
PROVIDER_MANAGES = Needs(Role.USER, staff=StaffRole.ADMINISTRATOR)

NEEDS: dict[str, Needs] = {
    # Signing in by a device code, and who one is.
    "begin_device_code": ANYBODY,
    "poll_device_code": ANYBODY,
    "read_me": WHOEVER,
    "list_my_resources": OWN,
    "sign_out": OWN,
    # Who there is.
    "read_tenant": READ,
    "save_tenant": Needs(Role.OWNER),
    "list_users": READ,
    "read_user": READ,
    "save_user": WRITE,
    "remove_user": WRITE,
    "disable_user": WRITE,
    "enable_user": WRITE,
    "invite_user": Needs(Role.ADMINISTRATOR),
    "reset_codes": Needs(Role.ADMINISTRATOR),
    "end_sign_ins": WRITE,
    "revoke_files_of_user": WRITE,
    "list_workspace_passwords": READ,
    "revoke_workspace_password": WRITE,
    "list_groups_of_user": READ,
    "list_groups": READ,
    "read_group": READ,
    "save_group": WRITE,
    "remove_group": WRITE,
    "list_members": READ,
    "add_member": WRITE,
    "remove_member": WRITE,
    # What is published.
    "list_workspaces": READ,
    "read_workspace": READ,
    "save_workspace": WRITE,
    "remove_workspace": WRITE,
    "list_host_pools": READ,
    "read_host_pool": READ,
    "save_host_pool": WRITE,
    "remove_host_pool": WRITE,
    "list_pool_hosts": READ,
    "save_pool_host": WRITE,
    "remove_pool_host": WRITE,
    "list_application_groups": READ,
    "read_application_group": READ,
    "save_application_group": WRITE,
    "remove_application_group": WRITE,
    "list_assignments": READ,
    "assign_user": WRITE,
    "unassign_user": WRITE,
    "assign_group": WRITE,
    "unassign_group": WRITE,
    "list_resources": READ,
    "read_resource": READ,
    "save_resource": WRITE,
    "remove_resource": WRITE,
    "save_icon": WRITE,
    "remove_icon": WRITE,
    # Session hosts.
    "list_hosts": READ_HOSTS,
    "read_host": READ_HOSTS,
    "revoke_host": WRITE_HOSTS,
    "make_join_code": WRITE_HOSTS,
    # What goes on.
    "list_sessions": READ_SESSIONS,
    "message_session": ANY_SESSION,
    "disconnect_session": WRITE_SESSIONS,
    "log_off_session": WRITE_SESSIONS,
    "list_connections": READ_SESSIONS,
    "read_connection": READ_SESSIONS,
    "cut_connection": ANY_SESSION,
    "list_approvals": OWN,
    "approve": OWN,
    "deny": OWN,
    "make_connection_file": WRITE_SESSIONS,
    "revoke_connection_file": WRITE_SESSIONS,
    # What was done, and by whom.
    "list_audit_entries": Needs(Role.ADMINISTRATOR, frozenset({Scope.AUDIT_READ})),
    "read_publisher": Needs(Role.ADMINISTRATOR, _READ_DIRECTORY),
    "list_api_tokens": Needs(Role.ADMINISTRATOR),
    "make_api_token": Needs(Role.ADMINISTRATOR),
    "revoke_api_token": Needs(Role.ADMINISTRATOR),
    # The provider: its tenants, its staff, and their way to hosts.
    "list_served_tenants": PROVIDER_READS,
    "read_served_tenant": PROVIDER_READS,
    "save_served_tenant": PROVIDER_MANAGES,
    "read_terms": PROVIDER_READS,
    "save_terms": PROVIDER_MANAGES,
    "list_served_hosts": PROVIDER_READS,
    "list_staff": PROVIDER_MANAGES,
    "read_staff": PROVIDER_MANAGES,
    "save_staff": PROVIDER_MANAGES,
    "remove_staff": PROVIDER_MANAGES,
    "invite_staff": PROVIDER_MANAGES,
    "reach_host": PROVIDER_REACHES,
    "read_reach": PROVIDER_READS,
    # The token that was given for the request is what it takes: the staff member may be none any more.
    "read_reach_end": ANYBODY,
    # What the provider asks of a tenant, and what the tenant answers.
    "list_consent_requests": CONSENT,
    "read_consent_request": CONSENT,
    "deny_consent": CONSENT,
    "save_consent_grant": CONSENT,
    "list_consent_grants": CONSENT,
    "revoke_consent_grant": CONSENT,
    "list_consent_keys": CONSENT,
    "save_consent_key": CONSENT,
    "remove_consent_key": CONSENT,
    "list_flights": CONSENT,
    "read_flight": CONSENT,
    "read_connection_flight": Needs(Role.HELPDESK, frozenset({Scope.AUDIT_READ})),
    "list_served_flights": PROVIDER_READS,
    "read_served_flight": PROVIDER_READS,
    "prove_reach": PROVIDER_REACHES,
}
"""By operation id, which is the name of the operation's function."""
