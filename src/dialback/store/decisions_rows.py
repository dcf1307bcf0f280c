"""Rows of approvals and of the audit log to nouns and back; see `store/rows.py` for damaged ones."""

from dataclasses import asdict
from typing import Any

from pydantic import TypeAdapter

from dialback.domain.approvals import Approval
from dialback.domain.audit import AuditEntry
from dialback.store.decisions_models import approvals, audit_entries
from dialback.store.rows import Row, validate

_APPROVAL = TypeAdapter(Approval)
_ENTRY = TypeAdapter(AuditEntry)


def approval_of(row: Row) -> Approval:
    """Return the approval of a row of `approvals`; raise `StoreUnavailable` if it can be none."""
    return validate(_APPROVAL, row, approvals, row["id"])


def entry_of(row: Row) -> AuditEntry:
    """Return the entry of a row of `audit_entries`; raise `StoreUnavailable` if it can be none."""
    values = dict(row)
    values["actor"] = {name: values.pop(f"actor_{name}") for name in ("kind", "name", "address")}
    return validate(_ENTRY, values, audit_entries, row["number"])


def entry_row(entry: AuditEntry) -> dict[str, Any]:
    """Return the row of `audit_entries` that keeps the entry, its number left out."""
    values = asdict(entry)
    del values["number"]
    actor = values.pop("actor")
    return {**values, **{f"actor_{name}": value for name, value in actor.items()}}
