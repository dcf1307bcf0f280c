"""The link for the first administrator: there as long as nobody can sign in as owner."""

from dataclasses import replace

import pytest

from dialback.domain.accounts import ExternalIdentity
from dialback.domain.ids import UserId, UserName
from dialback.domain.secret import Secret
from dialback.domain.tenancy import MAIN, Role, User
from dialback.identity.invitations import first_administrator, invitation_link
from tests.identity.people import ANNA, GOOD, HERE, World, make_world

ADDRESS = "gw.example:8443"


@pytest.fixture
async def world() -> World:
    return await make_world()


async def link_of(world: World) -> str | None:
    return await first_administrator(world.directory, world.authenticator, ADDRESS)


def secret_of(link: str | None) -> Secret:
    assert link is not None
    begin, _, secret = link.rpartition("/")
    assert begin == f"https://{ADDRESS}/invitation"
    return Secret(secret)


async def test_first_start_makes_the_owner_and_a_link_for_them(world: World) -> None:
    opened = await world.authenticator.accept(secret_of(await link_of(world)), GOOD, HERE)
    assert (opened.user.name, opened.user.role) == ("admin", Role.OWNER)
    assert await link_of(world) is None


async def test_link_that_was_not_used_is_replaced_at_the_next_start(world: World) -> None:
    first, second = secret_of(await link_of(world)), secret_of(await link_of(world))
    assert first != second
    assert (await world.authenticator.accept(second, GOOD, HERE)).user.name == "admin"
    assert len((await world.directory.page(User, MAIN)).items) == 2


async def test_owner_whom_somebody_else_made_is_left_alone(world: World) -> None:
    await world.directory.save(replace(ANNA, role=Role.OWNER))
    invitation = await world.authenticator.invite(ANNA)
    assert await link_of(world) is None
    assert await world.authenticator.invited(invitation) == replace(ANNA, role=Role.OWNER)


async def test_user_who_has_the_name_already_is_not_made_owner(world: World) -> None:
    await world.directory.save(User(MAIN, UserId("u2"), UserName("Admin")))
    first, second = secret_of(await link_of(world)), secret_of(await link_of(world))
    assert first != second
    opened = await world.authenticator.accept(second, GOOD, HERE)
    assert (opened.user.name, opened.user.role) == ("admin2", Role.OWNER)
    assert await link_of(world) is None


async def test_link_is_renewed_until_one_of_several_owners_can_sign_in(world: World) -> None:
    assert await link_of(world) is not None
    aaron = await world.directory.save(User(MAIN, UserId("a"), UserName("aaron"), role=Role.OWNER))
    invitation = await world.authenticator.invite(aaron)
    assert (await world.authenticator.invited(secret_of(await link_of(world)))).name == "admin"
    await world.authenticator.accept(invitation, GOOD, HERE)
    assert await link_of(world) is None


async def test_owner_whom_a_provider_knows_can_sign_in(world: World) -> None:
    assert await link_of(world) is not None
    await world.directory.save(replace(ANNA, role=Role.OWNER))
    await world.accounts.save_identity(ExternalIdentity(MAIN, "https://login.example/", "anna", ANNA.id))
    assert await link_of(world) is None


async def test_disabled_owner_is_none(world: World) -> None:
    await world.directory.save(replace(ANNA, role=Role.OWNER, disabled_at=world.now))
    assert await link_of(world) is not None


async def test_owner_is_found_behind_many_users(world: World) -> None:
    for each in range(600):
        await world.directory.save(User(MAIN, UserId(f"m{each}"), UserName(f"many {each}")))
    await world.directory.save(User(MAIN, UserId("z"), UserName("zoe"), role=Role.OWNER))
    assert await link_of(world) is None


@pytest.mark.parametrize(
    ("address", "link"),
    [
        ("gw.example:443", "https://gw.example/invitation/s"),
        ("gw.example:8443", "https://gw.example:8443/invitation/s"),
    ],
)
def test_link_names_the_port_unless_it_is_the_usual_one(address: str, link: str) -> None:
    assert invitation_link(address, Secret("s")) == link
