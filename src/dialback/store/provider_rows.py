"""Rows of the provider's tables to nouns and back; see `store/rows.py` for damaged ones."""

from dataclasses import asdict
from typing import Any

from pydantic import TypeAdapter

from dialback.domain.consent import ConsentRequest, Denial
from dialback.domain.flight import Flight, FlightEntry, Head, SignedHead, build
from dialback.domain.ids import TenantId
from dialback.domain.provider import PROVIDER, ConsentKey, KeptGrant, Staff, Terms
from dialback.store import provider_models as models
from dialback.store.rows import Row, validate

_STAFF = TypeAdapter(Staff)
_TERMS = TypeAdapter(Terms)
_KEY = TypeAdapter(ConsentKey)
_REQUEST = TypeAdapter(ConsentRequest)
_DENIAL = TypeAdapter(Denial)
_GRANT = TypeAdapter(KeptGrant)
_FLIGHT = TypeAdapter(Flight)
_DENIED = ("denied_by", "denied_at")
_SIGNED = ("signed_count", "signed_hash", "agent_signature", "platform_signature")


def staff_of(row: Row) -> Staff:
    """Return the staff member of a row of `staff`; raise `StoreUnavailable` if it can be none."""
    return validate(_STAFF, _without(row, "tenant"), models.staff, row["user"])


def staff_row(staff: Staff) -> dict[str, Any]:
    """Return the row of `staff` that keeps the staff member."""
    lists = {"tenants": sorted(staff.tenants), "tags": sorted(staff.tags)}
    return {"tenant": PROVIDER, "user": staff.user, "role": staff.role, **lists}


def terms_of(row: Row) -> Terms:
    """Return the terms of a row of `terms`; raise `StoreUnavailable` if it can be none."""
    return validate(_TERMS, row, models.terms, row["tenant"])


def terms_row(terms: Terms) -> dict[str, Any]:
    """Return the row of `terms` that keeps them, its version left out."""
    return {**_without(asdict(terms), "version"), "tags": sorted(terms.tags)}


def key_of(row: Row) -> ConsentKey:
    """Return the key of a row of `consent_keys`; raise `StoreUnavailable` if it can be none."""
    return validate(_KEY, row, models.consent_keys, row["name"])


def request_of(row: Row) -> ConsentRequest:
    """Return the request of a row of `consent_requests`; raise `StoreUnavailable` if it can be none."""
    return validate(_REQUEST, _without(row, *_DENIED), models.consent_requests, row["id"])


def denial_of(row: Row) -> tuple[str, Denial]:
    """Return request and denial of a row of `consent_requests`; raise `StoreUnavailable` if there is none."""
    values = {"by": row["denied_by"], "at": row["denied_at"]}
    return str(row["id"]), validate(_DENIAL, values, models.consent_requests, row["id"])


def grant_of(row: Row) -> KeptGrant:
    """Return the grant of a row of `grants`; raise `StoreUnavailable` if it can be none."""
    return validate(_GRANT, _without(row, "number"), models.grants, row["id"])


def flight_of(row: Row) -> Flight:
    """Return the chain of a row of `flights`; raise `StoreUnavailable` if it can be none."""
    id = row["connection_id"]
    values = {
        "tenant": row["tenant"],
        "begun_at": row["begun_at"],
        "end": {"connection_id": id, "count": row["count"], "hash": row["hash"]},
    }
    if row["signed_count"] is not None:
        values["signed"] = {
            "head": {"connection_id": id, "count": row["signed_count"], "hash": row["signed_hash"]},
            "agent_signature": row["agent_signature"],
            "platform_signature": row["platform_signature"],
        }
    return validate(_FLIGHT, values, models.flights, id)


def end_row(end: Head) -> dict[str, Any]:
    """Return the columns of `flights` that keep the end of a chain."""
    return {"count": end.count, "hash": end.hash}


def signed_row(signed: SignedHead) -> dict[str, Any]:
    """Return the columns of `flights` that keep a signed head."""
    values = (signed.head.count, signed.head.hash, signed.agent_signature, signed.platform_signature)
    return dict(zip(_SIGNED, values, strict=True))


def entry_row(tenant: TenantId, entry: FlightEntry) -> dict[str, Any]:
    """Return the row of `flight_entries` that keeps the entry."""
    key = {"tenant": tenant, "connection_id": entry.connection_id, "number": entry.number}
    return {**key, "line": build(entry)}


def _without(row: Row, *names: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}
