"""The table of icons: the tenant is the first column of its key, as it is everywhere in the directory."""

from sqlalchemy import Column, ForeignKeyConstraint, Table

from dialback.store.models import Key, Octets, metadata

icons = Table(
    "icons",
    metadata,
    Column("tenant", Key, primary_key=True),
    Column("id", Key, primary_key=True),
    Column("png", Octets, nullable=False),
    ForeignKeyConstraint(["tenant"], ["tenants.id"]),
)
