import re

import pytest

from dialback.domain.audit import Actor, ActorKind, AuditEntry
from dialback.domain.ids import TenantId
from dialback.domain.tenancy import MAIN
from tests.web.portal.stage import ACME, NOW, STEERING, STEERING_SHOWN, PortalStage, text_of


async def write(
    portal: PortalStage, action: str, name: str = "anna", tenant: TenantId = MAIN, **more: str
) -> None:
    actor = Actor(ActorKind.USER, name, "192.0.2.7")
    await portal.audit.write(AuditEntry(tenant, NOW, actor, action, **more))


async def test_entries_are_shown_newest_first_and_narrowed(portal: PortalStage) -> None:
    await write(portal, "sign-in.open")
    await write(portal, "pool.save", "adam")
    await write(portal, "their.secret", tenant=ACME)
    adam = await portal.signed_in("adam")
    text = text_of(await adam.get("/admin/audit"))
    assert text.index("pool.save") < text.index("sign-in.open")
    assert "their.secret" not in text
    assert "pool.save" not in (await adam.get("/admin/audit?action=sign-in")).text
    assert "sign-in.open" not in (await adam.get("/admin/audit?actor=adam")).text
    assert "No entry fits" in text_of(await adam.get("/admin/audit?actor=nobody"))


async def test_older_entries_follow(portal: PortalStage) -> None:
    for number in range(150):
        await write(portal, f"a.{number}x")
    adam = await portal.signed_in("adam")
    first = await adam.get("/admin/audit")
    assert "a.49x" not in first.text
    older = re.search(r'href="(/admin/audit\?before=[^"]+)"', first.text)
    assert older is not None
    second = await adam.get(older[1].replace("&amp;", "&"))
    assert "a.49x" in second.text
    assert "a.50x" not in second.text


@pytest.mark.parametrize("before", ["x", "-1", "9" * 40, "\u0661"])
async def test_unfit_place_shows_the_newest(portal: PortalStage, before: str) -> None:
    await write(portal, "sign-in.open")
    answer = await (await portal.signed_in("adam")).get(f"/admin/audit?before={before}")
    assert "sign-in.open" in answer.text


async def test_hostile_texts_are_shown_as_what_they_are(portal: PortalStage) -> None:
    await write(portal, "sign-in.refused", STEERING, subject=STEERING, detail=STEERING)
    answer = await (await portal.signed_in("adam")).get("/admin/audit")
    assert "<script>alert" not in answer.text
    assert text_of(answer).count(STEERING_SHOWN) == 3
