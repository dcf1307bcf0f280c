"""Statements that are made once: which values each asks for, in the words of both databases."""

import pytest
from sqlalchemy import Select
from sqlalchemy.dialects import postgresql, sqlite

from dialback.store import queries

QUERIES = {
    "token": (queries.TOKEN, "token_hash"),
    "opened": (queries.OPENED_BY, "token_hash"),
    "ended": (queries.LAST_RELAYED_BY, "token_hash"),
    "terms": (queries.TERMS_OF, "tenant"),
}


@pytest.mark.parametrize(("query", "value"), QUERIES.values(), ids=QUERIES)
def test_query_asks_for_one_value(query: Select[tuple[object, ...]], value: str) -> None:
    for dialect in (sqlite.dialect(), postgresql.dialect()):  # type: ignore[no-untyped-call]
        params = query.compile(dialect=dialect).params
        assert [name for name, given in params.items() if given is None] == [value]
