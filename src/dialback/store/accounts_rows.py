"""Rows of accounts to nouns and back; see `store/rows.py` for what happens to damaged ones."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, TypeAdapter

from dialback.domain.accounts import (
    ApiToken,
    Credential,
    DeviceCode,
    ExternalIdentity,
    Invitation,
    SignIn,
    WorkspacePassword,
)
from dialback.domain.ids import TenantId, TokenHash, UserId
from dialback.domain.secret import Secret
from dialback.store import accounts_models as models
from dialback.store.rows import Row, validate


@dataclass(frozen=True)
class _CredentialRow:
    tenant: TenantId
    user: UserId
    password_hash: str
    totp_secret: str | None
    totp_step: int
    recovery_hashes: frozenset[TokenHash]
    failures: int
    locked_until: datetime | None
    version: int


@dataclass(frozen=True)
class _WorkspacePasswordRow:
    tenant: TenantId
    id: str
    user: UserId
    device: str
    nt_hash: str
    created_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None


def _credential(row: _CredentialRow) -> Credential:
    secret = None if row.totp_secret is None else Secret(row.totp_secret)
    return Credential(**{**vars(row), "totp_secret": secret})


def _workspace_password(row: _WorkspacePasswordRow) -> WorkspacePassword:
    return WorkspacePassword(**{**vars(row), "nt_hash": Secret(row.nt_hash)})


# Secrets are no type that the validator knows, so the rows of those that hold one are checked as they are.
_CREDENTIAL: TypeAdapter[Any] = TypeAdapter(Annotated[_CredentialRow, AfterValidator(_credential)])
_WORKSPACE_PASSWORD: TypeAdapter[Any] = TypeAdapter(
    Annotated[_WorkspacePasswordRow, AfterValidator(_workspace_password)]
)
_INVITATION = TypeAdapter(Invitation)
_SIGN_IN = TypeAdapter(SignIn)
_DEVICE_CODE = TypeAdapter(DeviceCode)
_API_TOKEN = TypeAdapter(ApiToken)
_IDENTITY = TypeAdapter(ExternalIdentity)


def credential_of(row: Row) -> Credential:
    """Return the credential of a row of `credentials`; raise `StoreUnavailable` if it can be none."""
    found: Credential = validate(_CREDENTIAL, row, models.credentials, row["user"])
    return found


def credential_row(credential: Credential) -> dict[str, Any]:
    """Return the row that keeps the credential, its version left out."""
    secret = credential.totp_secret
    values = asdict(credential)
    del values["version"]
    return {
        **values,
        "totp_secret": None if secret is None else secret.reveal(),
        "recovery_hashes": sorted(credential.recovery_hashes),
    }


def invitation_of(row: Row) -> Invitation:
    """Return the invitation of a row of `invitations`; raise `StoreUnavailable` if it can be none."""
    return validate(_INVITATION, row, models.invitations, row["hash"])


def sign_in_of(row: Row) -> SignIn:
    """Return the sign-in of a row of `sign_ins`; raise `StoreUnavailable` if it can be none."""
    return validate(_SIGN_IN, _with_origin(row), models.sign_ins, row["hash"])


def sign_in_row(sign_in: SignIn) -> dict[str, Any]:
    """Return the row that keeps the sign-in."""
    return _without_origin(asdict(sign_in))


def workspace_password_of(row: Row) -> WorkspacePassword:
    """Return the password of a row of `workspace_passwords`; raise `StoreUnavailable` if it can be none."""
    found: WorkspacePassword = validate(_WORKSPACE_PASSWORD, row, models.workspace_passwords, row["id"])
    return found


def workspace_password_row(password: WorkspacePassword) -> dict[str, Any]:
    """Return the row that keeps the password."""
    return {**asdict(password), "nt_hash": password.nt_hash.reveal()}


def device_code_of(row: Row) -> DeviceCode:
    """Return the code of a row of `device_codes`; raise `StoreUnavailable` if it can be none."""
    return validate(_DEVICE_CODE, _with_origin(row), models.device_codes, row["hash"])


def device_code_row(code: DeviceCode) -> dict[str, Any]:
    """Return the row that keeps the code."""
    return _without_origin(asdict(code))


def api_token_of(row: Row) -> ApiToken:
    """Return the token of a row of `api_tokens`; raise `StoreUnavailable` if it can be none."""
    return validate(_API_TOKEN, row, models.api_tokens, row["id"])


def api_token_row(token: ApiToken) -> dict[str, Any]:
    """Return the row that keeps the token."""
    return {**asdict(token), "scopes": sorted(token.scopes)}


def identity_of(row: Row) -> ExternalIdentity:
    """Return the identity of a row of `external_identities`; raise `StoreUnavailable` if it can be none."""
    return validate(_IDENTITY, row, models.external_identities, row["subject"])


def _with_origin(row: Row) -> Row:
    values = dict(row)
    return {**values, "origin": {name: values.pop(name) for name in ("address", "client")}}


def _without_origin(values: dict[str, Any]) -> dict[str, Any]:
    origin = values.pop("origin")
    return {**values, **origin}
