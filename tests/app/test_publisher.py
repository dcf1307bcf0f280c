"""The signing key of a running server: replaced, near its end, and past it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from dialback.app.publisher import PublisherWatch
from dialback.identity.authority import Authority
from dialback.identity.signing import FILE_NAME, SIGNING_LIFE, SigningKey
from dialback.observe.metrics import Metrics

MADE = datetime(2026, 3, 1, 12, tzinfo=UTC)
NEAR = MADE + SIGNING_LIFE - timedelta(days=20)
OVER = MADE + SIGNING_LIFE + timedelta(days=3)
END = "certificate of connection files near its end"


class Server:
    """What a server holds of its key, and a clock."""

    def __init__(self, folder: Path, load: Callable[["Server"], SigningKey] | None = None) -> None:
        self.authority = Authority.open(folder, now=MADE)
        self.path = folder / FILE_NAME
        self.now = MADE
        self.key = SigningKey.open(self.authority, "Example Ltd", now=MADE)
        self.metrics = Metrics()
        read = load or Server.own
        self.watch = PublisherWatch(self.key, lambda: read(self), self.metrics, lambda: self.now)

    def own(self) -> SigningKey:
        return SigningKey.open(self.authority, "Example Ltd", now=self.now)

    def administrators(self) -> SigningKey:
        return SigningKey.load(self.path, self.path, now=self.now)

    async def looks(self) -> list[Any]:
        """Let the watch look once; return the events it logged."""
        with capture_logs() as lines:
            await self.watch.once()
        return [line["event"] for line in lines]


async def test_key_that_a_command_renewed_is_taken_without_a_restart(tmp_path: Path) -> None:
    server = Server(tmp_path)
    assert await server.looks() == []
    renewed = SigningKey.renew(server.authority, "Example Ltd", now=MADE)
    assert server.key.sha1 != renewed.sha1
    assert await server.looks() == ["signing key replaced"]
    assert (server.key.sha1, server.key.sha256) == (renewed.sha1, renewed.sha256)
    assert server.key.sign(b"message") == renewed.sign(b"message")
    assert await server.looks() == []


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"half of a file")])
async def test_what_cannot_be_read_leaves_the_old_key_and_is_told_once_a_day(
    tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    server = Server(tmp_path, Server.administrators)
    before, whole = server.key.sha1, server.path.read_bytes()
    damage(server.path)
    assert await server.looks() == ["signing key not read anew, the old one goes on"]
    assert await server.looks() == []
    server.now += timedelta(days=1)
    assert await server.looks() == ["signing key not read anew, the old one goes on"]
    assert server.key.sha1 == before
    # Mended, it is read without a word.
    server.path.write_bytes(whole)
    assert await server.looks() == []


async def test_end_is_told_thirty_days_ahead_once_a_day_and_counted(tmp_path: Path) -> None:
    server = Server(tmp_path)
    await server.looks()
    assert server.metrics.value("dialback_publisher_days_left") > 1800
    server.now = NEAR
    assert await server.looks() == [END]
    assert await server.looks() == []
    server.now += timedelta(days=1)
    assert await server.looks() == [END]
    assert server.metrics.value("dialback_publisher_days_left") == 18


async def test_expired_certificate_of_the_administrator_goes_on_signing(tmp_path: Path) -> None:
    server = Server(tmp_path, Server.administrators)
    before, server.now = server.key.sha1, OVER
    assert await server.looks() == [END]
    assert server.key.sha1 == before
    assert server.key.sign(b"message")
    assert server.metrics.value("dialback_publisher_days_left") < 0


async def test_servers_own_certificate_is_made_anew_at_its_end(tmp_path: Path) -> None:
    server = Server(tmp_path)
    before, server.now = server.key.sha1, OVER
    # The authority outlives it.
    assert await server.looks() == ["signing key replaced"]
    assert server.key.sha1 != before
    assert server.key.facts.not_after > OVER
