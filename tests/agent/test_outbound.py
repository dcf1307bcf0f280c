import asyncio
import base64

import pytest

from dialback.agent.outbound import dial_platform
from dialback.agent.settings import AgentSettings
from dialback.transport.dial import DialFailed
from dialback.transport.leg import Leg
from dialback.transport.tls import client_context
from dialback.wire.head import HeadReader, RequestHead, build_response
from tests.agent.platform_stub import Platform, serving

LOGIN = "Basic " + base64.b64encode(b"ann:p/w").decode()


class HttpProxy:
    """An HTTP proxy that connects wherever it is asked to, for those with the right login."""

    def __init__(self, login: str | None = None, status: int = 200) -> None:
        self.login = login
        self.status = status
        self.asked: list[RequestHead] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads = HeadReader()
        while (head := heads.feed(await reader.read(65536))) is None:
            pass
        self.asked.append(head)
        if head.header("proxy-authorization") != self.login:
            writer.write(build_response(407, [("Proxy-Authenticate", "Basic"), ("Content-Length", "0")]))
            return
        if self.status != 200:
            writer.write(build_response(self.status, [("Content-Length", "0")]))
            return
        name, _, port = head.target.rpartition(":")
        onward = await asyncio.open_connection(name, int(port))
        writer.write(build_response(200, []))
        try:
            await asyncio.gather(_pump(reader, onward[1]), _pump(onward[0], writer))
        finally:
            onward[1].close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def dial(platform: Platform, proxy: str = "", pin: str = "") -> Leg:
    settings = AgentSettings(proxy=proxy, dial_timeout_s=5)
    context = client_context(platform.identity.ca_pem)
    return await dial_platform(platform.address, context, settings, pin)


async def works(platform: Platform, leg: Leg) -> bool:
    leg.send(b"GET /ca.pem HTTP/1.1\r\nHost: x\r\n\r\n")
    async with asyncio.timeout(5):
        answer = await leg.receive()
    await leg.close()
    return answer.startswith(b"HTTP/1.1 200") and platform.requests == ["GET /ca.pem"]


async def test_platform_is_dialled_straight_without_a_proxy(platform: Platform) -> None:
    leg = await dial(platform, pin=platform.certificate_sha256)

    assert await works(platform, leg)


async def test_proxy_in_the_settings_is_asked_for_the_platform(platform: Platform) -> None:
    proxy = HttpProxy()
    async with serving(proxy.serve) as port:
        leg = await dial(platform, f"http://127.0.0.1:{port}", platform.certificate_sha256)
        assert await works(platform, leg)
    assert [(head.method, head.target) for head in proxy.asked] == [("CONNECT", platform.address)]


async def test_proxy_gets_the_login_in_its_url(platform: Platform) -> None:
    proxy = HttpProxy(LOGIN)
    async with serving(proxy.serve) as port:
        leg = await dial(platform, f"http://ann:p%2Fw@127.0.0.1:{port}")
        assert await works(platform, leg)


async def test_proxy_of_the_environment_is_honoured(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = HttpProxy()
    async with serving(proxy.serve) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        leg = await dial(platform)
        assert await works(platform, leg)
    assert len(proxy.asked) == 1


async def test_name_excepted_in_the_environment_is_dialled_straight(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, unused: int
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{unused}")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    assert await works(platform, await dial(platform))


async def test_proxy_that_wants_a_login_is_told_in_words(platform: Platform) -> None:
    proxy = HttpProxy(LOGIN)
    async with serving(proxy.serve) as port:
        with pytest.raises(DialFailed, match="wants a user and a password"):
            await dial(platform, f"http://127.0.0.1:{port}")
        with pytest.raises(DialFailed, match="wants a user and a password") as failed:
            await dial(platform, f"http://ann:hunter2@127.0.0.1:{port}")
    assert "hunter2" not in str(failed.value)
    assert platform.requests == []


async def test_proxy_that_refuses_is_told_with_its_status(platform: Platform) -> None:
    async with serving(HttpProxy(status=403).serve) as port:
        with pytest.raises(DialFailed, match="refused the connection with status 403"):
            await dial(platform, f"http://127.0.0.1:{port}")


async def test_proxy_that_is_down_is_told(platform: Platform, unused: int) -> None:
    with pytest.raises(DialFailed, match="cannot be reached"):
        await dial(platform, f"http://127.0.0.1:{unused}")


async def test_certificate_is_verified_behind_a_proxy_too(platform: Platform) -> None:
    async with serving(HttpProxy().serve) as port:
        with pytest.raises(DialFailed, match="shows the certificate"):
            await dial(platform, f"http://127.0.0.1:{port}", "0" * 64)


async def test_environment_that_names_no_proxy_is_told(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "socks5://127.0.0.1:1")

    with pytest.raises(DialFailed, match="as proxy"):
        await dial(platform)
