"""Write the reference pages of docs/ from the code: `python tools/reference_pages.py`.

`docs/settings.md` comes from the settings dataclasses: key, kind, bounds, default, and the line of the
docstring. `docs/reasons.md` comes from the enumeration of reasons. A test compares the files with what this
would write, so that no page is stale and no setting undocumented.
"""

import inspect
import re
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from annotated_types import Ge, Gt, Le, Lt

from dialback.agent.flight_settings import FlightSettings
from dialback.agent.settings import AgentSettings, ConsentSettings, ManagementSettings
from dialback.app.settings import ServerSettings
from dialback.broker.canary import CanarySettings
from dialback.broker.settings import BrokerSettings
from dialback.domain.errors import SENTENCES, Reason, sentence_for_user
from dialback.gateway.codes import code_of
from dialback.gateway.settings import GatewaySettings
from dialback.identity.settings import SignInSettings
from dialback.web.api.provider_settings import ProviderSettings
from dialback.wire.tsgu.codes import ErrorCode

DOCS = Path(__file__).parent.parent / "docs"
SERVER_TABLES = {
    "server": ServerSettings,
    "gateway": GatewaySettings,
    "broker": BrokerSettings,
    "canary": CanarySettings,
    "sign_in": SignInSettings,
    "provider": ProviderSettings,
}
AGENT_TABLES = {"management": ManagementSettings, "consent": ConsentSettings, "flights": FlightSettings}
_GENERATED = "<!-- Written by tools/reference_pages.py; change the code, then run `make docs`. -->"
_ATTRIBUTE = re.compile(r"^ {4}(\w+): ", re.MULTILINE)
_BOUNDS = {Gt: ("above", "gt"), Ge: ("at least", "ge"), Le: ("at most", "le"), Lt: ("below", "lt")}
_WORDS: dict[Any, str] = {str: "text", int: "whole number", float: "number", bool: "true or false"}


def settings_page() -> str:
    """Return the page of every setting."""
    tables, agent_tables = (
        "\n".join(f"### `[{name}]`\n\n{_table(kind)}" for name, kind in kinds.items())
        for kinds in (SERVER_TABLES, AGENT_TABLES)
    )
    return f"""# Settings

{_GENERATED}

A key that is not listed here is refused, and so is a value of another kind or beyond its bounds; the error
names key and file. Times whose key ends in `_s` are in seconds.

## Server

`dialback.toml` in the data folder, made by the first `dialback serve`. Restart the server after a change.

{tables}
### `[[oidc]]`

One table for each OpenID provider; see [Sign in with OpenID Connect](how-to/openid-connect.md).

## Agent

`agent.toml` in the agent's folder, made by `dialback agent join`. Its own keys stand above every
table. Restart the agent after a change.

{_table(AgentSettings)}
{agent_tables}"""


def reasons_page() -> str:
    """Return the page of every reason."""
    rows = "\n".join(
        f"| `{reason}` | {SENTENCES[reason]} | {_for_user(reason)} | {_told(code_of(reason))} |"
        for reason in Reason
    )
    return f"""# Reasons

{_GENERATED}

Why a connection, a host leg or an enrolment was refused, or a connection ended. The reason is stored with the
connection (`dialback connection list`), logged, and counted in `/metrics`. A client that waits for an answer
is told a code of MS-TSGU and nothing else; where none is listed it is told `{ErrorCode.INTERNAL_ERROR:#x}`
(`{ErrorCode.INTERNAL_ERROR.name}`), or its connection just ends.

An administrator reads what it means and what to do, by command, in the log and on pages of administration.
The user reads the same on the portal's other pages, unless a sentence of their own stands beside it.

| Reason | What it means, what to do | What the user reads | Told to the client |
|---|---|---|---|
{rows}
"""


def _for_user(reason: Reason) -> str:
    said = sentence_for_user(reason)
    return "" if said == SENTENCES[reason] else said


def documented(kind: type) -> dict[str, str]:
    """Return the sentence for each attribute in the docstring of a settings dataclass."""
    text = inspect.getdoc(kind) or ""
    text = text.partition("Attributes:\n")[2].partition("\n\n")[0]
    parts = _ATTRIBUTE.split(text)[1:]
    return {name: " ".join(said.split()) for name, said in zip(parts[::2], parts[1::2], strict=True)}


def _table(kind: type) -> str:
    said = documented(kind)
    hints = get_type_hints(kind, include_extras=True)
    rows = "\n".join(
        f"| `{field.name}` | {_kind(hints[field.name])} | {_default(field)} | {_sentence(said[field.name])} |"
        for field in fields(kind)
        if not _is_table(hints[field.name])
    )
    return f"| Key | Kind | Default | Meaning |\n|---|---|---|---|\n{rows}\n"


def _is_table(hint: Any) -> bool:
    """Say whether the setting is a table of its own, be it one that need not be there."""
    kinds = [each for each in (hint, *get_args(hint)) if isinstance(each, type)]
    return any(is_dataclass(kind) for kind in kinds)


def _kind(hint: Any) -> str:
    if get_origin(hint) is Annotated:
        return ", ".join([_kind(get_args(hint)[0]), *_bounds(get_args(hint)[1:])])
    if get_origin(hint) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(hint))
    if get_origin(hint) is tuple:
        return f"list of {_kind(get_args(hint)[0])}"
    return _WORDS[hint]


def _bounds(metadata: tuple[Any, ...]) -> Iterator[str]:
    for each in metadata:
        for bound in getattr(each, "metadata", ()):
            if type(bound) in _BOUNDS:
                word, attribute = _BOUNDS[type(bound)]
                yield f"{word} {getattr(bound, attribute)}"


def _default(field: "Field[Any]") -> str:
    value = field.default
    if value is MISSING:
        raise TypeError(f"expected a default for the setting {field.name}, got none")
    if isinstance(value, tuple):
        return "[" + ", ".join(f'`"{each}"`' for each in value) + "]"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f'`"{value}"`' if isinstance(value, str) else f"`{value}`"


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]


def _told(code: ErrorCode) -> str:
    return "" if code is ErrorCode.INTERNAL_ERROR else f"`{code:#x}` `{code.name}`"


PAGES = {"settings.md": settings_page, "reasons.md": reasons_page}


def main() -> None:
    """Write every page."""
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
