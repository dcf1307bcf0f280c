"""The public halves of the keys that browsers make."""

import pytest

from dialback.domain.provider import ConsentKey
from dialback.domain.tenancy import MAIN
from dialback.web.portal.administration.consent_keys import key_name
from tests.web.portal.stage import ACME, HOSTILE, PortalStage, text_of

KEYS = "/admin/consent/keys"
PUBLIC = "ab" * 32
CHROMIUM = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0 Safari/537.36"


async def test_public_half_is_registered_and_noted_once(portal: PortalStage) -> None:
    adam = await portal.signed_in("adam")
    for _ in range(2):
        answer = await adam.post(KEYS, name="adam-Chromium", public_key=PUBLIC)
        assert answer.headers["location"] == "/admin/consent?said=key"
    assert await portal.provider.consent_keys(MAIN) == [
        ConsentKey(MAIN, "adam-Chromium", bytes.fromhex(PUBLIC))
    ]
    assert portal.recorded.actions == ["consent-key.save"]
    assert PUBLIC in text_of(await adam.get("/admin/consent"))


async def test_after_it_the_browser_goes_on_where_it_was_and_nowhere_else(portal: PortalStage) -> None:
    adam = await portal.signed_in("adam")
    for wanted, found in (("/admin/consent/requests/r1?life=2h", None), ("https://evil.example/", "/")):
        answer = await adam.post(KEYS, name="adam", public_key=PUBLIC, next=wanted)
        assert answer.headers["location"] == (found or wanted)


async def test_key_never_takes_the_place_of_another_of_its_name(portal: PortalStage) -> None:
    adam = await portal.signed_in("adam")
    await adam.post(KEYS, name="adam", public_key=PUBLIC)
    answer = await adam.post(KEYS, name="adam", public_key="cd" * 32)
    assert answer.status_code == 409
    assert "There is another key named adam" in text_of(answer)
    assert [key.public_key.hex() for key in await portal.provider.consent_keys(MAIN)] == [PUBLIC]


@pytest.mark.parametrize(
    ("name", "public_key"), [("", PUBLIC), ("a\u202eb", PUBLIC), ("adam", ""), ("adam", "zz"), ("adam", "ab")]
)
async def test_what_is_no_key_is_refused(portal: PortalStage, name: str, public_key: str) -> None:
    answer = await (await portal.signed_in("adam")).post(KEYS, name=name, public_key=public_key)
    assert answer.status_code == 409
    assert await portal.provider.consent_keys(MAIN) == []


async def test_keys_are_bounded(portal: PortalStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dialback.web.portal.administration.consent_keys.MOST_KEYS", 1)
    adam = await portal.signed_in("adam")
    await adam.post(KEYS, name="one", public_key=PUBLIC)
    assert (await adam.post(KEYS, name="two", public_key="cd" * 32)).status_code == 409


async def test_key_is_forgotten_by_its_own_tenant_alone(portal: PortalStage) -> None:
    adam, other = await portal.signed_in("adam"), await portal.signed_in("adam", ACME)
    await adam.post(KEYS, name=HOSTILE.strip()[:40], public_key=PUBLIC)
    (key,) = await portal.provider.consent_keys(MAIN)
    assert "<script>alert" not in (await adam.get("/admin/consent")).text
    assert (await other.post(f"{KEYS}/remove", name=key.name)).status_code == 404
    await adam.post(f"{KEYS}/remove", name=key.name)
    assert await portal.provider.consent_keys(MAIN) == []
    assert portal.recorded.actions == ["consent-key.save", "consent-key.remove"]


async def test_only_administrators_touch_keys(portal: PortalStage) -> None:
    hella = await portal.signed_in("hella")
    for path in (KEYS, f"{KEYS}/remove"):
        assert (await hella.post(path, name="hella", public_key=PUBLIC)).status_code == 403


def test_key_is_named_after_person_browser_and_system() -> None:
    assert key_name("adam", CHROMIUM, set()) == "adam-Chromium-Linux"
    assert key_name("Ada M\u00fcller@corp", CHROMIUM, {"adam"}) == "Ada-M-ller-corp-Chromium-Linux"
    assert key_name("adam", "curl/8", {"adam", "adam-2"}) == "adam-3"
    assert key_name("\u05d0", "", set()) == "browser"
    assert len(key_name("a" * 104, CHROMIUM, set())) <= 64
