"""Pages: a template, who is signed in, and the headers that every page has.

Everything shown is escaped: names and texts come from users, hosts and clients. What would steer a terminal
or turn a line round is shown by its code, whichever template shows it. Pages carry no script and no style of
their own, so the policy allows none but this server's files. The headers are those of every answer
(`web/safe_headers.py`); the page of a failure inside passes by what adds them, so pages bring their own.

What is left out: which data a page shows (`web/portal`).
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from dialback.domain.accounts import Person
from dialback.domain.approvals import Approvals
from dialback.domain.errors import SENTENCES, sentence_for_user
from dialback.domain.names import visible
from dialback.domain.provider import PROVIDER
from dialback.domain.tenancy import Role
from dialback.web.consents import Consents
from dialback.web.people import person_of
from dialback.web.safe_headers import HEADERS

HERE: Final = Path(__file__).parent
STATIC: Final = HERE / "static"
MAX_NEXT_CHARS: Final = 500
_CODE: Final = re.compile(r"`([^`\s](?:[^`]*[^`\s])?)`")


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the navigation; `section` is what a page says to be in."""

    section: str
    path: str
    title: str


NAVIGATION: Final = (
    Entry("desktops", "/", "Desktops"),
    Entry("sessions", "/sessions", "Sessions"),
    Entry("approvals", "/approvals", "Approvals"),
    Entry("devices", "/devices", "Devices"),
    Entry("subscribe", "/subscribe", "Subscribe"),
)
TENANTS: Final = Entry("tenants", "/tenants", "Tenants")
ADMINISTRATION: Final = Entry("admin", "/admin", "Administration")


class Pages:
    """Renders templates for whoever is signed in."""

    def __init__(self, approvals: Approvals, consents: Consents, now: Callable[[], datetime]) -> None:
        self.now = now
        self._approvals = approvals
        self._consents = consents
        self._templates = _environment()

    async def show(
        self, request: Request, template: str, status: int = 200, *, section: str = "", **facts: Any
    ) -> HTMLResponse:
        """Return a page with the navigation of who is signed in."""
        person = await person_of(request)
        return self.answer(
            template,
            status,
            person=person,
            waiting=await self.waiting(person),
            asked=await self.asked(person),
            navigation=_navigation(person, await self._is_staff(person)),
            section=section,
            now=self.now(),
            **facts,
        )

    def answer(self, template: str, status: int = 200, **facts: Any) -> HTMLResponse:
        """Return what the template makes of the facts alone: a part of a page, or a page for anybody."""
        return HTMLResponse(self._templates.get_template(template).render(**facts), status, HEADERS)

    async def waiting(self, person: Person | None) -> int:
        """Return how many connections wait for the person's approval."""
        if person is None:
            return 0
        return await self._approvals.count_waiting(person.user.tenant, self.now(), person.user.id)

    async def asked(self, person: Person | None) -> int:
        """Return how much the provider asks for that waits for the person's consent, an administrator's."""
        if person is None or not person.role.includes(Role.ADMINISTRATOR):
            return 0
        return len(await self._consents.waiting(person.user.tenant))

    async def _is_staff(self, person: Person | None) -> bool:
        if person is None or person.user.tenant != PROVIDER:
            return False
        return await self._consents.provider.staff(person.user.id) is not None


def see_other(path: str) -> RedirectResponse:
    """Return the answer to a form that was carried out: look there."""
    return RedirectResponse(path, 303, {"Cache-Control": "no-store"})


def wants_part(request: Request) -> bool:
    """Say whether a script asks for a part of the page."""
    return request.headers.get("hx-request") == "true"


def own_path(text: str) -> str:
    """Return the text if it is a path of this server, `/` if not: nobody is sent elsewhere.

    Browsers take backslashes for slashes and drop tabs and line breaks, so a path has none of them.
    """
    plain = len(text) <= MAX_NEXT_CHARS and text.isascii() and text.isprintable() and "\\" not in text
    if not plain or not text.startswith("/") or text.startswith("//"):
        return "/"
    try:
        split = urlsplit(text)
    except ValueError:
        return "/"
    return "/" if split.scheme or split.netloc else text


def signin_path(request: Request) -> str:
    """Return where to sign in, and to come back from."""
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return f"/signin?next={quote(own_path(path), safe='')}"


def _navigation(person: Person | None, is_staff: bool) -> tuple[Entry, ...]:
    if person is None:
        return ()
    more = [TENANTS] if is_staff else []
    more += [ADMINISTRATION] if person.role.includes(Role.HELPDESK) else []
    return (*NAVIGATION, *more)


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["static"] = _static_paths().__getitem__
    environment.filters |= {
        "instant": instant,
        "span": span,
        "ms": milliseconds,
        "octets": octets,
        "code": code,
        "sentence": SENTENCES.__getitem__,
        "sentence_for_user": sentence_for_user,
    }
    return environment


def _visible(value: Any) -> Any:
    """Return what a template is to show; what is markup already is made of parts that came through here."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _static_paths() -> dict[str, str]:
    """Return the address of each file, with a mark of its content: a new version is never an old one."""
    paths: dict[str, str] = {}
    for path in STATIC.rglob("*"):
        if path.is_file():
            name = path.relative_to(STATIC).as_posix()
            paths[name] = f"/static/{name}?{hashlib.sha256(path.read_bytes()).hexdigest()[:12]}"
    # Pages work without it; where npm did not run, the script is not there.
    paths.setdefault("vendor/htmx.min.js", "")
    return paths


def code(text: str) -> Markup:
    """Return a sentence in which what stands between backticks, as `dialback login`, is shown as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(visible(text)))))


def instant(at: datetime) -> str:
    """Return an instant as a page without script shows it."""
    return f"{at:%Y-%m-%d %H:%M} UTC"


def span(time: timedelta) -> str:
    """Return a duration in words: the two largest units of days, hours, minutes, seconds."""
    seconds = max(0, int(time.total_seconds()))
    units = [
        ("d", seconds // 86400),
        ("h", seconds // 3600 % 24),
        ("min", seconds // 60 % 60),
        ("s", seconds % 60),
    ]
    first = next((at for at, (_, count) in enumerate(units) if count), 3)
    shown = [f"{count} {unit}" for unit, count in units[first : first + 2] if count]
    return " ".join(shown) or "0 s"


def milliseconds(ms: float) -> str:
    """Return a duration of a stage in the unit that reads best."""
    if ms < 1:
        return "<1 ms"
    if ms < 1000:
        return f"{ms:.0f} ms"
    return f"{ms / 1000:.1f} s" if ms < 60_000 else span(timedelta(milliseconds=ms))


def octets(count: int) -> str:
    """Return a number of bytes in the unit that reads best."""
    value, units = float(count), ["B", "kB", "MB", "GB", "TB"]
    while value >= 1000 and len(units) > 1:
        value /= 1000
        units.pop(0)
    return f"{value:.0f} {units[0]}" if units[0] == "B" else f"{value:.1f} {units[0]}"
