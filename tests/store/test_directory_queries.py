"""Statements that are made once: whose values they ask for, and that they read the tenant's rows alone."""

import re

import pytest
from sqlalchemy import Select
from sqlalchemy.dialects import postgresql, sqlite

from dialback.store import directory_queries as queries

QUERIES = {
    "groups": (queries.GROUPS_OF, {"tenant", "user"}),
    "resources": (queries.RESOURCES_OF, {"tenant", "user"}),
    "shown": (queries.SHOWN_IN, {"tenant", "user", "workspace"}),
    "published": (queries.PUBLISHED, {"tenant", "user", "name"}),
    "sessions": (queries.SESSIONS_OF, {"tenant", "account"}),
    "standings": (queries.STANDINGS, {"tenant", "pool"}),
}


@pytest.mark.parametrize(("query", "values"), QUERIES.values(), ids=QUERIES)
def test_query_asks_for_its_values_and_for_the_tenant_in_every_table(
    query: Select[tuple[object, ...]], values: set[str]
) -> None:
    for dialect in (sqlite.dialect(), postgresql.dialect()):  # type: ignore[no-untyped-call]
        compiled = query.compile(dialect=dialect)
        assert set(compiled.params) == values
        tables = re.findall(r"\b(?:FROM|JOIN) (\w+)", str(compiled))
        assert tables
        assert all(re.search(rf"\b{table}\.tenant = ", str(compiled)) for table in tables)
