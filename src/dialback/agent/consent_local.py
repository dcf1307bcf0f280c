"""Consent given at the host itself, by whoever may write to the agent's folder: list, approve, revoke.

A running agent finds what is decided here within a second; none needs to run.
"""

import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from dialback.agent.consent import local_now
from dialback.agent.consent_files import LOCK_NAME, AskedConsent, ConsentFiles, Given
from dialback.agent.problems import AgentProblem
from dialback.domain.consent import MAX_WAIT, Grant, check_fit, grant_for
from dialback.domain.errors import Refused
from dialback.domain.names import check_id
from dialback.identity.files import locked
from dialback.identity.grants import SignedGrant, build, fingerprint, open_grant, open_owned, parse, sign

MOST_GIVEN = 1000


class NothingAsked(AgentProblem):
    """There is no such request to answer."""


class LocalConsent:
    """What a person at the host can do about consent; `now` is the host's time."""

    def __init__(self, folder: Path, now: Callable[[], datetime] = local_now) -> None:
        self._files = ConsentFiles(folder)
        self._folder = folder
        self._now = now

    def waiting(self) -> Sequence[AskedConsent]:
        """Return what waits for an answer, the newest last."""
        newest = self._now() - MAX_WAIT
        return [each for each in self._files.asked() if each.request.asked_at > newest]

    def granted(self, keys: Iterable[str] = ()) -> Sequence[tuple[Grant, frozenset[str]]]:
        """Return what was granted at this host and holds, and the owners of the keys that have signed each.

        Revoked grants are left out.

        Args:
            keys: those that the host's settings trust, beside its own.
        """
        given, trusted = self._files.given(), self._files.trusted(keys)
        found = [open_owned(parse(text), trusted) for text in given.grants]
        return [each for each in found if each[0].id not in given.revoked and each[0].until > self._now()]

    def approve(self, request_id: str, by: str, life: timedelta, uses: int = 0) -> Grant:
        """Grant what was asked under the id; beside those who have signed a grant for it, if there are any.

        Args:
            by: who approves, by name.
            life: how long a new grant holds; one that others have signed keeps its own end.

        Raises:
            NothingAsked: nothing waits under this id.
            ConsentUnreadable: a file cannot be read or written.
            ValueError: what is said of the grant cannot be so.
        """
        asked = next((each for each in self.waiting() if each.request.id == request_id), None)
        if asked is None:
            raise NothingAsked(f"nothing waits under {request_id[:80]!r}; see `dialback agent consent list`")
        with locked(self._folder / LOCK_NAME):
            key = self._files.key()
            grant, before = self._shown(asked) or (
                grant_for(asked.request, secrets.token_hex(8), by, self._now(), life, uses),
                None,
            )
            signed = sign(grant, key.public_bytes, key.sign, before)
            given = self._pruned()
            self._files.save_given(replace(given, grants=(*given.grants, build(signed))[-MOST_GIVEN:]))
        return grant

    def revoke(self, grant_id: str) -> None:
        """Revoke a grant for this host, whoever gave it, once and for all.

        Raises:
            ConsentUnreadable: the file cannot be read or written.
            ValueError: the text is no id of a grant.
        """
        check_id(grant_id, "grant id")
        with locked(self._folder / LOCK_NAME):
            given = self._pruned()
            if grant_id not in given.revoked:
                self._files.save_given(replace(given, revoked=(*given.revoked, grant_id)))

    def key_fingerprint(self) -> str:
        """Return by what the host's own consent key is named; the first time it is made."""
        return fingerprint(self._files.key().public_bytes)

    def _pruned(self) -> Given:
        """Return what was given, without grants that are over; what is revoked stays."""
        given = self._files.given()
        holding = [text for text in given.grants if open_grant(parse(text), {})[0].until > self._now()]
        return replace(given, grants=tuple(holding))

    def _shown(self, asked: AskedConsent) -> tuple[Grant, SignedGrant] | None:
        """Return the grant that came with the request, if it is for it: it lacks signatures alone."""
        if not asked.grant:
            return None
        try:
            signed = parse(asked.grant)
            grant, _ = open_grant(signed, {})
            check_fit(asked.request, grant)
        except Refused:
            return None
        return grant, signed
