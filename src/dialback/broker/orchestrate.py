"""The broker's answers to a gateway: whom a token admits, where a connection goes, and the order to dial.

Facts are fetched here and decided in `domain`; the decision is carried out here.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from dialback.broker.links import Links
from dialback.broker.records import Records
from dialback.domain.access import check_token, check_token_text
from dialback.domain.contracts import Admission, Broker, DialOrder, Placement, Store, StoreUnavailable
from dialback.domain.errors import Reason, Refused
from dialback.domain.placement import check_alias, choose_host
from dialback.domain.secret import Secret
from dialback.domain.sessions import ConnectionRecord
from dialback.identity.tokens import hash_token


class StoreBroker(Broker):
    """The broker over a store and the agent links of this process."""

    def __init__(
        self,
        store: Store,
        links: Links,
        records: Records,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._links = links
        self._records = records
        self._now = now

    async def admit(self, token: Secret) -> Admission:
        check_token_text(token.reveal())
        try:
            stored, use = await self._store.token(hash_token(token))
        except StoreUnavailable as error:
            raise Refused(Reason.STORE_UNAVAILABLE, str(error)) from error
        admitted = check_token(stored, use, self._now())
        return Admission(admitted.user, admitted.resource, admitted.hash)

    async def place(self, admission: Admission, alias: str) -> Placement:
        name = check_alias(admission, alias)
        try:
            resource = await self._store.resource(name)
            assigned = await self._store.assigned(admission.user, name)
            host = await self._store.host(resource.host_id) if resource else None
        except StoreUnavailable as error:
            raise Refused(Reason.STORE_UNAVAILABLE, str(error)) from error
        return choose_host(resource, assigned, host, host is not None and self._links.up(host.id))

    async def dial(self, order: DialOrder) -> None:
        await self._links.dial(order)

    async def opened(self, record: ConnectionRecord) -> None:
        self._records.keep(record)

    async def ended(self, record: ConnectionRecord) -> None:
        self._records.keep(record)
