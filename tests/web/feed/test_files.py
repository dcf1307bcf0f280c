"""Connection files of the feed: whose, under which name, and when again."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from lxml import etree

from dialback.domain.catalog import PublishedResource, UserAssignment, Workspace
from dialback.domain.ids import ApplicationGroupId, ResourceId, ResourceName, UserId, UserName, WorkspaceId
from dialback.domain.pools import Redirection
from dialback.domain.tenancy import User
from dialback.identity.authority import Authority
from dialback.identity.signing import SigningKey
from dialback.identity.tokens import hash_token
from dialback.web.connection_files import ConnectionFiles
from dialback.web.feed.addresses import feed_path, file_path
from dialback.web.feed.files import MakesFiles
from dialback.wire import rdpfile
from dialback.wire.feed.document import NAMESPACE
from tests.web.feed.nouns import ANNA, DESKTOP, DESKTOPS, MAIN, POOL, THEIRS
from tests.web.feed.stage import RADC, Feed, PlainFiles, ticket_in

OFFICE = file_path("office")


def tag(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"


def workspace_id(text: str) -> object:
    return next(each.value for each in rdpfile.parse(text) if each.name == "workspace id")


async def test_file_holds_a_ticket_for_its_user_and_resource(feed: Feed) -> None:
    answer = await (await feed.subscribed()).ask(OFFICE)

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/x-rdp")
    assert answer.headers["Cache-Control"] == "no-store"
    token, _ = await feed.store.token(hash_token(ticket_in(answer.content)))
    assert token
    assert (token.tenant, token.user_id, token.resource) == (MAIN, ANNA.id, "office")


async def test_file_bears_its_title_whatever_stands_in_it(feed: Feed) -> None:
    editor = await (await feed.subscribed()).ask(file_path("editor"))
    disposition = editor.headers["Content-Disposition"]
    assert disposition.startswith('attachment; filename="Editor ')
    assert disposition.endswith(".rdp")
    assert disposition.isascii()
    assert disposition.count('"') == 2


@pytest.mark.parametrize("workspace", ["", "w1"])
async def test_file_names_the_publisher_of_the_list_it_is_in(feed: Feed, workspace: str) -> None:
    client = await feed.subscribed()
    root = etree.fromstring((await client.ask(feed_path(workspace))).content)
    publisher = root.find(tag("Publisher")).get("ID")
    paths = [each.get("URL") for each in root.iter(tag("ResourceFile"))]
    assert len(paths) == 2
    for path in paths:
        assert workspace_id(rdpfile.decode((await client.ask(path)).content)) == publisher


async def test_file_of_one_list_is_not_taken_for_that_of_another(feed: Feed) -> None:
    client = await feed.subscribed()
    brought = (await client.ask(OFFICE)).headers["ETag"]
    again = await client.ask(file_path("office", "w1"), If_None_Match=brought)
    assert again.status_code == 200


async def test_file_is_sent_again_once_another_key_signs(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    client = await feed.subscribed()
    brought = (await client.ask(OFFICE)).headers["ETag"]
    monkeypatch.setattr(PlainFiles, "signer", "key 2")
    assert (await client.ask(OFFICE, If_None_Match=brought)).status_code == 200


async def test_file_is_sent_again_once_the_gateway_has_another_address(tmp_path: Path) -> None:
    key = SigningKey.open(Authority.open(tmp_path), "gw.example.org")
    tags = [await tag_of(ConnectionFiles(key, f"gw.example.org:{port}")) for port in (443, 8443, 443)]
    assert tags[0] == tags[2] != tags[1]


async def test_file_is_sent_again_once_it_has_another_name(feed: Feed) -> None:
    client = await feed.subscribed()
    brought = (await client.ask(OFFICE)).headers["ETag"]
    await feed.directory.save(replace(DESKTOP, title="Office, renamed"))
    assert (await client.ask(OFFICE, If_None_Match=brought)).status_code == 200


def test_tag_of_a_file_is_the_same_in_every_process(tmp_path: Path) -> None:
    SigningKey.open(Authority.open(tmp_path), "gw.example.org")
    assert len({tag_elsewhere(tmp_path, seed) for seed in (1, 2)}) == 1


@pytest.mark.parametrize("workspace", ["w2", "theirs", "unknown"])
async def test_file_is_had_from_its_own_workspace_alone(feed: Feed, workspace: str) -> None:
    await feed.directory.save(Workspace(MAIN, WorkspaceId("w2"), "Second"))
    await feed.directory.save(Workspace(THEIRS.tenant, WorkspaceId("theirs"), "Theirs"))
    assert (await (await feed.subscribed()).ask(file_path("office", workspace))).status_code == 404


async def test_resource_that_is_not_shown_can_be_opened(feed: Feed) -> None:
    assert (await (await feed.subscribed()).ask(file_path("hidden"))).status_code == 200


async def test_file_that_the_client_has_is_not_sent_again(feed: Feed) -> None:
    client = await feed.subscribed()
    first = await client.ask(OFFICE)
    tag = first.headers["ETag"]

    for brought in (tag, tag.removeprefix("W/"), f'"other", {tag}'):
        again = await client.ask(OFFICE, If_None_Match=brought)
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
    assert (await client.ask(OFFICE, If_None_Match="*")).content == first.content


async def test_file_is_sent_again_when_half_of_its_tickets_life_is_over(feed: Feed) -> None:
    client = await feed.subscribed()
    first = await client.ask(OFFICE)
    feed.clock.move(days=7)
    client = await feed.subscribed()

    again = await client.ask(OFFICE, If_None_Match=first.headers["ETag"])

    assert again.status_code == 200
    assert ticket_in(again.content) != ticket_in(first.content)


async def test_file_is_sent_again_when_its_ticket_was_revoked(feed: Feed) -> None:
    client = await feed.subscribed()
    first = await client.ask(OFFICE)
    await feed.store.revoke_token(hash_token(ticket_in(first.content)), feed.clock())

    again = await client.ask(OFFICE, If_None_Match=first.headers["ETag"])

    assert again.status_code == 200
    assert ticket_in(again.content) != ticket_in(first.content)


async def test_file_is_sent_again_when_the_policy_of_its_pool_changed(feed: Feed) -> None:
    client = await feed.subscribed()
    first = await client.ask(OFFICE)
    await feed.directory.save(replace(POOL, multi_monitor=False))

    again = await client.ask(OFFICE, If_None_Match=first.headers["ETag"])

    assert again.status_code == 200
    assert b"use multimon:i:0" in again.content


async def test_tag_of_another_user_or_resource_says_nothing(feed: Feed) -> None:
    mine, other = await feed.subscribed(), await feed.subscribed(RADC, await somebody(feed))
    tags = [(await client.ask(OFFICE)).headers["ETag"] for client in (mine, other)]
    assert (await mine.ask(OFFICE, If_None_Match=tags[1])).status_code == 200
    assert (await mine.ask(file_path("editor"), If_None_Match=tags[0])).status_code == 200
    # The digest of one and the ticket of the other.
    mixed = f"{tags[0].partition('.')[0]}.{tags[1].partition('.')[2]}"
    assert (await mine.ask(OFFICE, If_None_Match=mixed)).status_code == 200


async def test_client_that_brings_no_tag_does_not_make_new_tickets(feed: Feed) -> None:
    client = await feed.subscribed()
    assert len({ticket_in((await client.ask(OFFICE)).content) for _ in range(5)}) == 1


@pytest.mark.parametrize("alias", ["unknown", "theirs", "unassigned", "OFFICE%00", "a" * 5000])
async def test_what_the_user_may_not_use_is_answered_as_if_it_were_not_there(feed: Feed, alias: str) -> None:
    await publish_elsewhere(feed)
    answer = await (await feed.subscribed()).ask(file_path(alias))
    assert (answer.status_code, answer.content) == (404, b"")


async def test_other_tenants_user_of_the_same_id_gets_nothing(feed: Feed) -> None:
    client = await feed.subscribed(RADC, THEIRS)
    assert (await client.ask(OFFICE)).status_code == 404


async def test_disabled_user_gets_no_file(feed: Feed) -> None:
    client = await feed.subscribed()
    await feed.directory.save(replace(ANNA, disabled_at=feed.clock()))
    assert (await client.ask(OFFICE)).status_code == 302


async def test_assignment_that_was_taken_back_takes_the_file_with_it(feed: Feed) -> None:
    client = await feed.subscribed()
    first = await client.ask(OFFICE)
    await feed.directory.unassign(UserAssignment(MAIN, DESKTOPS.id, ANNA.id))
    assert (await client.ask(OFFICE, If_None_Match=first.headers["ETag"])).status_code == 404


async def tag_of(maker: MakesFiles) -> str:
    """Return what the tag of a file says of what is in it, whatever ticket that is."""
    feed = Feed(maker)
    await feed.fill()
    await feed.directory.save(replace(POOL, redirections=frozenset(Redirection)))
    answer = await (await feed.subscribed()).ask(OFFICE)
    assert answer.status_code == 200
    return answer.headers["ETag"].partition(".")[0]


def tag_elsewhere(folder: Path, seed: int) -> str:
    """Return the same as another process says it, where sets have another order."""
    script = (
        "import asyncio, sys, pathlib\n"
        "from tests.web.feed import test_files as tests\n"
        "key = tests.SigningKey.open(tests.Authority.open(pathlib.Path(sys.argv[1])), 'gw.example.org')\n"
        "print(asyncio.run(tests.tag_of(tests.ConnectionFiles(key, 'gw.example.org:443'))))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder)],
        env={**os.environ, "PYTHONHASHSEED": str(seed)},
        cwd=Path(__file__).parents[3],
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


async def somebody(feed: Feed) -> User:
    """Return another user who may use the desktop."""
    ben = await feed.directory.save(User(MAIN, UserId("u2"), UserName("ben")))
    await feed.directory.assign(UserAssignment(MAIN, DESKTOPS.id, ben.id))
    return ben


async def publish_elsewhere(feed: Feed) -> None:
    """Publish a resource in the other tenant, and one in ours that is assigned to nobody."""
    for tenant, alias in ((THEIRS.tenant, "theirs"), (MAIN, "unassigned")):
        pool = await feed.directory.save(replace(POOL, tenant=tenant))
        group = replace(
            DESKTOPS,
            tenant=tenant,
            id=ApplicationGroupId(alias),
            name=alias,
            pool=pool.id,
            workspace=None,
        )
        await feed.directory.save(group)
        resource = PublishedResource(tenant, ResourceId(alias), group.id, ResourceName(alias), alias)
        await feed.directory.save(resource)
    await feed.directory.assign(UserAssignment(THEIRS.tenant, ApplicationGroupId("theirs"), THEIRS.id))
