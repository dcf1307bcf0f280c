"""The questions that every connection asks of the store: each statement is made once, its values come later.

Making a statement takes longer than SQLite takes to answer it. See `directory_queries` for the directory's.
"""

from typing import Final

from sqlalchemy import bindparam, select

from dialback.domain.access import RELAY_ENDS
from dialback.store.models import connection_tokens, connections
from dialback.store.provider_models import terms

_HASH = bindparam("token_hash", type_=connection_tokens.c.hash.type)
_MINE = connections.c.token_hash == _HASH

TOKEN: Final = select(connection_tokens).where(connection_tokens.c.hash == _HASH)
"""The token of `token_hash`."""

OPENED_BY: Final = select(connections.c.id).where(_MINE, connections.c.ended_at.is_(None)).limit(1)
"""A connection that is open by that token."""

LAST_RELAYED_BY: Final = (
    select(connections.c.id, connections.c.ended_at)
    .where(_MINE, connections.c.ended_at.is_not(None), connections.c.reason.in_(RELAY_ENDS))
    .order_by(connections.c.ended_at.desc(), connections.c.id.desc())
    .limit(1)
)
"""The connection by that token that ended last, of those that reached their host."""

TERMS_OF: Final = select(terms).where(terms.c.tenant == bindparam("tenant", type_=terms.c.tenant.type))
"""The terms of `tenant`."""
