"""`dialback provider`: tenants, the terms on which they are served, and the provider's own staff.

For administrators on the staff, and for whoever has the data folder of the server.
"""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from dialback.cli.api import Api, over_api
from dialback.cli.context import Failed, Json
from dialback.cli.output import print_json, print_line, print_table, say
from dialback.domain.names import key_of
from dialback.domain.provider import StaffRole
from dialback.identity.tokens import make_id

app = typer.Typer(no_args_is_help=True, help="The provider: tenants, their terms, and staff.")
tenants = typer.Typer(no_args_is_help=True, help="Tenants and the terms on which they are served.")
staff = typer.Typer(no_args_is_help=True, help="The provider's own people.")
TENANTS = ("provider", "tenants")
STAFF = ("provider", "staff")
NEVER = "never"

TenantArgument = Annotated[str, typer.Argument(metavar="TENANT", help="Id of the tenant.")]
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name with which they sign in.")]
Tags = Annotated[list[str] | None, typer.Option("--tag", help="Tag; repeatable.")]
Most = Annotated[int | None, typer.Option(min=0, help="0 for any number.")]


@tenants.command("add")
@over_api
async def add_tenant(
    api: Api,
    tenant: TenantArgument,
    name: Annotated[str, typer.Option("--name", help="What people read; else the id.")] = "",
) -> None:
    """Make a tenant, or name it anew."""
    await api.put(*TENANTS, tenant, body={"name": name or tenant})
    say(f"The tenant {tenant} is there.")
    say(f"Make its owner by `dialback user add NAME --role owner --tenant {tenant}`.")


@tenants.command("list")
@over_api
async def list_tenants(api: Api, as_json: Json = False) -> None:
    """List tenants: hosts whose agent link is up, lease, tags, and what they use."""
    found = await api.all(*TENANTS)
    if as_json:
        print_json(found)
        return
    columns = ("TENANT", "NAME", "HOSTS UP", "OF", "SERVED", "TAGS", "CONNECTIONS", "BYTES THIS MONTH")
    print_table(columns, [_row(each) for each in found], "There is no tenant that you serve.")


@tenants.command("terms")
@over_api
async def change_terms(
    api: Api,
    tenant: TenantArgument,
    tag: Tags = None,
    no_tags: Annotated[bool, typer.Option("--no-tags", help="Take all tags away.")] = False,
    begin: Annotated[str | None, typer.Option(help="When the lease begins: 2026-11-30, or `never`.")] = None,
    end: Annotated[
        str | None, typer.Option(help="When the lease ends: 2026-11-30T18:00, or `never`.")
    ] = None,
    suspend: Annotated[bool, typer.Option("--suspend", help="Serve the tenant no more.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Serve the tenant again.")] = False,
    most_connections: Most = None,
    most_bytes_s: Most = None,
    most_bytes_month: Most = None,
    as_json: Json = False,
) -> None:
    """Show the terms of a tenant, or change what is named of them; tags replace those that were there."""
    if suspend and resume:
        raise Failed("Expected --suspend or --resume, got both.")
    terms = before = await api.get(*TENANTS, tenant, "terms")
    if tag or no_tags:
        terms = {**terms, "tags": tag or []}
    if suspend or resume:
        terms = {**terms, "suspended_at": datetime.now(UTC).isoformat() if suspend else None}
    instants = {"begins_at": begin, "ends_at": end}
    terms = {**terms, **{name: _instant(text) for name, text in instants.items() if text is not None}}
    limits = {
        "most_connections": most_connections,
        "most_bytes_s": most_bytes_s,
        "most_bytes_month": most_bytes_month,
    }
    terms = {**terms, **{name: limit or None for name, limit in limits.items() if limit is not None}}
    if terms != before:
        terms = await api.put(*TENANTS, tenant, "terms", body=terms)
    if as_json:
        print_json(terms)
        return
    facts = {**terms, "tags": ", ".join(terms["tags"])}
    print_table(("", ""), [(name.replace("_", " "), value) for name, value in facts.items()], "")


@staff.command("add")
@over_api
async def add_staff(
    api: Api,
    name: NameArgument,
    role: Annotated[StaffRole, typer.Option(help="What they may do.")] = StaffRole.TECHNICIAN,
    tenant: Annotated[list[str] | None, typer.Option("--tenant", help="Tenant they serve; repeatable.")] = (
        None
    ),
    tag: Annotated[list[str] | None, typer.Option("--tag", help="Serve tenants of this tag; repeatable.")] = (
        None
    ),
) -> None:
    """Take somebody on the staff, or say anew what they may and whom they serve."""
    known = await _find(api, name)
    body = {"name": name, "role": role.value, "tenants": tenant or [], "tags": tag or []}
    await api.put(*STAFF, known["id"] if known else make_id(), body=body)
    say(f"{name} is on the staff; `dialback provider staff invite` prints a link to set a password.")
    say(f"They sign in as provider\\{name}.")


@staff.command("list")
@over_api
async def list_staff(api: Api, as_json: Json = False) -> None:
    """List the staff: role, and whom they serve."""
    found = (await api.get(*STAFF))["items"]
    if as_json:
        print_json(found)
        return
    rows = [
        (
            each["name"],
            each["role"],
            ", ".join(each["tenants"]),
            ", ".join(each["tags"]),
            each["disabled"],
            each["id"],
        )
        for each in found
    ]
    columns = ("NAME", "ROLE", "TENANTS", "TAGS", "DISABLED", "ID")
    print_table(columns, rows, "Nobody is on the staff; see `dialback provider staff add`.")


@staff.command("invite")
@over_api
async def invite_staff(api: Api, name: NameArgument) -> None:
    """Print a link, good once, by which they set a password."""
    print_line((await api.post(*STAFF, (await _named(api, name))["id"], "invite"))["link"])


@staff.command("remove")
@over_api
async def remove_staff(api: Api, name: NameArgument) -> None:
    """Take somebody off the staff: what they have open is cut, and they are signed out."""
    await api.delete(*STAFF, (await _named(api, name))["id"])
    say(f"{name} is off the staff.")


async def _find(api: Api, name: str) -> Any | None:
    found = (await api.get(*STAFF))["items"]
    return next((each for each in found if key_of(each["name"]) == key_of(name)), None)


async def _named(api: Api, name: str) -> Any:
    found = await _find(api, name)
    if found is None:
        raise Failed(f"Nobody on the staff is called {name!r}; `dialback provider staff list` shows them.")
    return found


def _instant(text: str) -> str | None:
    """Return an instant in ISO 8601; without a zone it is this machine's time."""
    if text == NEVER:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Failed(
            f"Expected an instant like 2026-11-30 or 2026-11-30T18:00, or never, got {text!r}."
        ) from None
    return at.astimezone().isoformat()


def _row(tenant: dict[str, Any]) -> tuple[object, ...]:
    terms = tenant["terms"]
    return (
        tenant["id"],
        tenant["name"],
        str(tenant["hosts_up"]),
        str(tenant["hosts_up"] + tenant["hosts_down"]),
        _served(terms),
        ", ".join(terms["tags"]),
        _of(tenant["connections"], terms["most_connections"]),
        _of(tenant["bytes_month"], terms["most_bytes_month"]),
    )


def _served(terms: dict[str, Any]) -> str:
    if terms["suspended_at"]:
        return "suspended"
    lease = [
        f"{word} {terms[name]}" for word, name in (("from", "begins_at"), ("to", "ends_at")) if terms[name]
    ]
    return " ".join(lease) or "yes"


def _of(used: int, most: int | None) -> str:
    return f"{used}" if most is None else f"{used} of {most}"


def register(commands: typer.Typer) -> None:
    """Add this module's commands."""
    app.add_typer(tenants, name="tenant")
    app.add_typer(staff, name="staff")
    commands.add_typer(app, name="provider")
