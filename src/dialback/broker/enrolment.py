"""Enrolment: a join code and a public key become a session host."""

from collections.abc import Callable
from datetime import UTC, datetime

from dialback.domain.contracts import Enrolment, Store, StoreUnavailable
from dialback.domain.errors import Reason, Refused
from dialback.domain.hosts import Host, HostReport
from dialback.domain.secret import Secret
from dialback.identity.host_keys import host_id_of
from dialback.identity.tokens import hash_token
from dialback.observe.log import get_logger
from dialback.observe.metrics import Metrics

_log = get_logger(__name__)


class StoreEnrolment(Enrolment):
    """Enrols hosts into a store."""

    def __init__(
        self, store: Store, metrics: Metrics, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._store = store
        self._metrics = metrics
        self._now = now

    async def enrol(self, join_secret: Secret, public_key: bytes, report: HostReport) -> Host:
        now = self._now()
        applicant = Host(
            id=host_id_of(public_key),
            name=report.host_name,
            public_key=public_key,
            enrolled_at=now,
            report=report,
            reported_at=now,
        )
        try:
            host = await self._enrol(join_secret, applicant, now)
        except Refused as refused:
            self._metrics.refused(refused.reason)
            reason, detail = refused.reason.value, refused.detail
            _log.warning("enrolment refused", reason=reason, detail=detail, name=report.host_name)
            raise
        _log.info("host enrolled", host=host.id, name=host.name)
        return host

    async def _enrol(self, join_secret: Secret, applicant: Host, now: datetime) -> Host:
        try:
            return await self._store.enrol_host(hash_token(join_secret), applicant, now)
        except StoreUnavailable as error:
            # Asked only now: whoever has no good code is not told which keys are known.
            if await self._is_known(applicant):
                raise Refused(Reason.HOST_KEY_KNOWN, applicant.id) from error
            raise Refused(Reason.STORE_UNAVAILABLE, str(error)) from error

    async def _is_known(self, applicant: Host) -> bool:
        try:
            return await self._store.any_host(applicant.id) is not None
        except StoreUnavailable:
            return False
