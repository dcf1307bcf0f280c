"""The provider's demonstration, step by step: what its staff, a tenant and the tenant's hosts have to say.

Everything is real: the server, three xrdp hosts with their agents, Chromium, xfreerdp and every command are
started as their own programs, each person's with a home folder of their own. Two things are staged, and said
where they happen: nobody types the password of the desktop, and the older agent differs from today's in its
versions alone. What is shown is what was seen; where a step sees something else, it fails.
"""

import json
import re
import secrets
import shlex
import time
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from demo import people
from demo.show import fact, ran, step, verbatim
from demo.tour import shown
from dialback import __version__
from lab.accounts import Account
from lab.browser import Browser
from lab.certificates import Authority
from lab.display import Display
from lab.listening import descendants
from lab.older_agent import OLDER, PROGRAM
from lab.person import Person
from lab.platform import COMMAND, POLL_S, HostAgent, Platform
from lab.process import Failed, tail, wait_for
from lab.xrdp_host import SOCKET_INSIDE, XrdpHost

T = TypeVar("T")
USER = "tess"
PURPOSE, TICKET = "printer is stuck", "4711"
SIZE = (1024, 768)
CUT_S = 2.0
"""What a revoked grant may take to end what it opened."""
SETTLE_S = 1.0
"""Time for what was typed to be carried out and drawn, before the picture is taken."""
KEYS = re.compile(r"^key of the (host|platform): ([0-9a-f]{64})$", re.MULTILINE)
CLIENT_LINES = 4
"""What `dialback connect` says in the end, behind the client's own messages."""

ASK = """\
[consent]
mode = "ask"
keys = ["{key}"]
"""
WINDOW = """\
[consent]
mode = "window"
windows = ["00:00-24:00"]
scopes = ["desktop", "facts"]

[management]
enabled = true
"""
NEVER = """\
[consent]
mode = "never"
"""


@dataclass(frozen=True)
class Site:
    """A tenant's host: the colour of its desktop, and what stands in its agent's settings."""

    tenant: str
    name: str
    colour: str
    policy: str

    @property
    def place(self) -> str:
        return f"{self.tenant}/{self.name}"

    @property
    def machine(self) -> str:
        """Its name among the machines of all tenants."""
        return f"{self.tenant}-{self.name.lower()}"


FILES = Site("acme", "FILES", "#2d5f8b", ASK)
WEB = Site("acme", "WEB", "#2f6b4f", WINDOW)
DB = Site("birch", "DB", "#7a4f2d", NEVER)
SITES = (FILES, WEB, DB)


class ProviderTour:
    """What runs meanwhile: what people sit at ends with `run`, all else with the stack."""

    def __init__(
        self, stack: ExitStack, folder: Path, pictures: Path, *, user: str = USER, prefix: str = ""
    ) -> None:
        """Keep all state in `folder`, which exists, and write pictures into `pictures`.

        `user` is the account of this machine with which the technician logs on to desktops; `prefix` begins
        the names of the hosts' namespaces.
        """
        self._stack = stack
        self._browsing = stack.enter_context(ExitStack())
        self._seats = stack.enter_context(ExitStack())
        self._folder = folder
        self._pictures = pictures
        self._prefix = prefix
        self.platform = Platform(folder)
        self.account = Account(user)
        self.tess = Person("tess", folder)
        self.ada = Person("ada", folder)
        self.display = Display(folder, SIZE)
        self.hosts: dict[Site, XrdpHost] = {}
        self.agents: dict[Site, HostAgent] = {}

    @property
    def url(self) -> str:
        return f"https://{self.platform.address}"

    def run(self) -> None:
        """Go through all steps in their order."""
        self.start_server()
        self.add_people()
        self.sign_in()
        self.join_hosts()
        self.show_tenants()
        self.refuse_at_birch()
        self.connect()
        self.revoke()
        self.prove()
        self.manage()
        self._seats.close()

    def start_server(self) -> None:
        """Start the server, which makes everything it needs."""
        with step("1. The provider's server: portal, gateway and broker in one process, on one port"):
            self._stack.enter_context(self.platform)
            fact("listens on", self.platform.address)
            self._browser = self._browsing.enter_context(Browser(self._folder, self.platform.ca))
            page = self._browser.page(self.url)
            people.choose_password(page, self.platform.first_link(), secrets.token_urlsafe(12))
            page.context.close()

    def add_people(self) -> None:
        """Make two tenants, an owner of one, and a technician who is assigned to that one by its tag."""
        with step("2. Two tenants, and tess of the provider's staff, who serves those tagged gold"):
            for words in (
                ("provider", "tenant", "add", "acme", "--name", "Acme"),
                ("provider", "tenant", "add", "birch", "--name", "Birch"),
                ("provider", "tenant", "terms", "acme", "--tag", "gold"),
                ("provider", "staff", "add", "tess", "--tag", "gold"),
                ("user", "add", "ada", "--role", "owner", "--tenant", "acme"),
            ):
                self._provider(*words)

    def sign_in(self) -> None:
        """Let two command lines in with a browser; the tenant's makes the key that signs its consent."""
        with step("3. Each signs in: a link and a code for Chromium, and the command line is let in"):
            self._let_in(self.ada, self.platform.run("user", "invite", "ada", "--tenant", "acme"))
            self._let_in(self.tess, self.platform.run("provider", "staff", "invite", "tess"))
            made = self._ran(self.ada, "consent", "key", "make")
            self._key = only(json.loads(made.splitlines()[-1].partition("=")[2]))
            self._browsing.close()
            self._seats.enter_context(self.display)
            self._client = self.tess.keep_password(self.account.password)

    def _let_in(self, person: Person, invitation: str) -> None:
        page = self._browser.page(self.url)
        people.choose_password(page, invitation.strip(), secrets.token_urlsafe(12))
        signing_in = person.sign_in(self.platform.address, self.platform.ca)
        try:
            people.let_in(page, signing_in.link())
            ran(f"dialback login {self.platform.address}", signing_in.done(), whose=person.name)
        finally:
            signing_in.stop()
        page.context.close()

    def join_hosts(self) -> None:
        """Start three hosts; each agent's settings hold what its owner lets the provider do."""
        with step(
            "4. Three hosts that dial out; what the provider may do there stands in each agent's settings"
        ):
            self._stack.enter_context(self.account)
            folder = self._folder / "hosts"
            folder.mkdir(mode=0o700)
            authority = Authority(folder, "authority of the hosts")
            for site in SITES:
                certificate = authority.issue(f"{site.machine}.test")
                self._join(
                    site, XrdpHost(self._folder, self._prefix + site.machine, certificate, colour=site.colour)
                )
            for site in SITES:
                self.platform.wait_for_report(site.name)
                fact(site.place, " ".join(site.policy.format(key="ada's key").split()))
            # xrdp's slow first start is not in the picture's time.
            self.hosts[FILES].log_on(self.account.name, self.account.password)

    def _join(self, site: Site, host: XrdpHost) -> None:
        self.hosts[site] = self._stack.enter_context(host)
        agent = HostAgent(
            self.platform,
            self._folder,
            site.name,
            f"unix:{SOCKET_INSIDE}",
            host.among,
            tenant=site.tenant,
            settings=site.policy.format(key=self._key),
        )
        self.agents[site] = self._stack.enter_context(agent)

    def show_tenants(self) -> None:
        """See the tenants as the technician does, before and after a link ends."""
        with step("5. tess sees whom she serves, live: birch is not assigned to her"):
            self._ran(self.tess, "tenants")
            self.agents[WEB].stop()
            self._wait_for_link(WEB, up=False)
            fact("after the agent of acme/WEB was ended", f"its link is {self._link(WEB)}")
            self.agents[WEB].start()
            self._wait_for_link(WEB, up=True)
            fact("and started again", f"its link is {self._link(WEB)}")

    def refuse_at_birch(self) -> None:
        """Be refused by the platform where one is not assigned, and by the host where one is."""
        with step("6. birch: first the platform refuses tess, then, when she is assigned, the host"):
            self.refused_at_birch = self._refused(self.tess, "connect", DB.place, "--purpose", PURPOSE)
            seen(self.refused_at_birch, "serve no tenant 'birch'")
            self._provider("provider", "staff", "add", "tess", "--tag", "gold", "--tenant", "birch")
            self.refused_by_host = self._refused(self.tess, "connect", DB.place, "--purpose", PURPOSE)
            seen(self.refused_by_host, "the host's policy forbids everybody of the provider")

    def connect(self) -> None:
        """Ask for a desktop, have it granted by the tenant, and see it."""
        with step(
            "7. tess asks for acme/FILES; the host asks, ada signs, and the redirector starts xfreerdp"
        ):
            self.begin()
            verbatim(f"Staged: {self._client} is started by a script that adds the password of {USER}.")
            fact(
                "tess runs", f'dialback connect {FILES.place} --purpose "{PURPOSE}" --ticket-number {TICKET}'
            )
            request = self.asked()
            self._ran(self.ada, "consent", "list")
            if self.display.shows_desktop():
                raise Failed("expected no desktop before the tenant has consented")
            self._ran(self.ada, "consent", "approve", request, "--for", "1h")
            fact("desktop seen after", f"{self.see_desktop():.1f} s more, with the colour of {FILES.name}")
            self.display.type_in_terminal("clear; uname -n; id -un; ss -4tln")
            time.sleep(SETTLE_S)
            self._picture("provider-desktop")

    def revoke(self) -> None:
        """Take the consent back, and measure how long what it opened goes on."""
        with step("8. ada takes it back: the desktop ends"):
            grant = only(
                each["id"]
                for each in json.loads(self.ada.run("consent", "grants", "--json"))
                if is_open(each)
            )
            with self.ada.start("revoke", "consent", "revoke", grant) as revoking:
                since_start, ended_at = self.cut()
                revoking.wait()
            ran(f"dialback consent revoke {grant}", tail(revoking.log), whose="ada")
            self.cut_s = ended_at - self._revoked_at(grant)
            fact("xfreerdp ended", f"{since_start:.2f} s after ada started the command,")
            fact("which is", f"{self.cut_s:.2f} s after the platform had her word")
            verbatim(self.said_in_the_end())
            seen(self.said_in_the_end(), "The tenant has revoked the grant")
            if self.cut_s > CUT_S:
                raise Failed(f"expected a cut within {CUT_S} s, it took {self.cut_s:.2f} s")

    def begin(self) -> None:
        """Start `dialback connect` as the technician; return at once."""
        options = ["--client", self._client, "--user", self.account.name, "--size", "1024x768"]
        about = ["--purpose", PURPOSE, "--ticket-number", TICKET]
        self._connecting = self._seats.enter_context(
            self.tess.start("connect", "connect", FILES.place, *about, *options, env=self.display.env)
        )

    def asked(self) -> str:
        """Wait until the tenant is asked for something, and return the id of what."""
        found: list[str] = []

        def is_asked() -> bool:
            found[:] = [each["id"] for each in json.loads(self.ada.run("consent", "list", "--json"))]
            return bool(found)

        self._connecting.wait_until(is_asked, "request for consent", poll_s=POLL_S)
        return only(found)

    def see_desktop(self) -> float:
        """Wait until the host's desktop is seen, and return how many seconds it took."""
        began = time.monotonic()
        self._connecting.wait_until(self.display.shows_desktop, "desktop", poll_s=POLL_S)
        self.display.wait_for_colour(FILES.colour)
        self._client_pid = only(descendants(self._connecting.pid))
        return time.monotonic() - began

    def cut(self) -> tuple[float, float]:
        """Wait until the RDP client has ended; return how many seconds it took, and when that was."""
        began = time.monotonic()
        if not wait_for(lambda: not Path(f"/proc/{self._client_pid}").exists()):
            raise Failed(f"expected {self._client} to end after its grant was revoked, it still runs")
        return time.monotonic() - began, time.time()

    def newest(self) -> dict[str, Any]:
        """Return the record of the newest connection to one of acme's hosts."""
        found: list[dict[str, Any]] = json.loads(
            self.platform.run("connection", "list", "--tenant", "acme", "--json")
        )
        return found[0]

    def said_in_the_end(self) -> str:
        """Wait until `dialback connect` has ended, and return what it said last."""
        self._connecting.wait()
        return tail(self._connecting.log, CLIENT_LINES)

    def _revoked_at(self, grant: str) -> float:
        kept = only(
            each for each in json.loads(self.ada.run("consent", "grants", "--json")) if each["id"] == grant
        )
        return datetime.fromisoformat(kept["revoked_at"]).timestamp()

    def prove(self) -> None:
        """Read what both sides have recorded, verify it, and tamper with it."""
        with step("9. The flight record: one chain, signed by host and platform, kept by both"):
            newest = json.loads(self.platform.run("connection", "list", "--tenant", "acme", "--json"))[0][
                "id"
            ]
            told = self._provider("connection", "show", newest, "--tenant", "acme")
            seen(told, "certificate          proven")
            seen(told, "The tenant has revoked the grant")
            self._on_host(FILES, "audit")
            judged = self._on_host(FILES, "audit", newest)
            keys = [f"--{whose}-key={key}" for whose, key in KEYS.findall(judged)]
            theirs, ours = self._folder / "host.jsonl", self._folder / "platform.jsonl"
            theirs.write_text(self.agents[FILES].ask("audit", newest, "--export"))
            self._provider("audit", "export", newest, "--tenant", "acme", "--out", shown(ours))
            self._ran(self.ada, "audit", "verify", shown(ours), shown(theirs), *keys)
            for what, lines in tampered(ours.read_text().splitlines()).items():
                copy = self._folder / "tampered.jsonl"
                copy.write_text("\n".join(lines) + "\n")
                fact(
                    f"a copy that was {what}", self.ada.refused("audit", "verify", shown(copy), *keys).strip()
                )

    def manage(self) -> None:
        """Manage a host whose agent is of an older build, which she is told, and then of today's."""
        with step("10. tess manages acme/WEB; its agent is older than her console, then it is not"):
            verbatim(f"Staged: the older agent is today's, told to be {OLDER.version} of protocol 1.")
            words = ("manage", WEB.place, "facts", "--purpose", PURPOSE)
            self.agents[WEB].start(PROGRAM)
            self._wait_for_agent(WEB, OLDER.version)
            self.warning = self._refused(self.tess, *words)
            seen(self.warning, f"`dialback connect {WEB.place}` opens its remote desktop")
            self.agents[WEB].start()
            self._wait_for_agent(WEB, __version__)
            self.facts = self._ran(self.tess, *words)

    def next_steps(self) -> str:
        """Return what to try while everything runs."""
        data = shown(self.platform.data)
        tess, ada = (f"HOME={shown(person.home)} {shown(COMMAND)}" for person in (self.tess, self.ada))
        return "\n".join(
            [
                f"tess              {tess} tenants",
                f"                  {tess} manage {WEB.place} sessions --purpose '{PURPOSE}'",
                f"ada               {ada} consent grants",
                f"provider          {shown(COMMAND)} provider tenant list --data {data}",
            ]
        )

    def _provider(self, *words: str) -> str:
        printed = self.platform.run(*words)
        ran(f"dialback {quoted(words)}", printed, whose="provider")
        return printed

    def _ran(self, person: Person, *words: str) -> str:
        printed = person.run(*words)
        ran(f"dialback {quoted(words)}", printed, whose=person.name)
        return printed

    def _refused(self, person: Person, *words: str) -> str:
        printed = person.refused(*words)
        ran(f"dialback {quoted(words)}", printed, whose=person.name)
        return printed

    def _on_host(self, site: Site, *words: str) -> str:
        printed = self.agents[site].ask(*words)
        ran(f"dialback agent {quoted(words)}", printed, whose=site.name)
        return printed

    def _host(self, site: Site) -> dict[str, Any]:
        tenants: list[dict[str, Any]] = json.loads(self.tess.run("tenants", site.tenant, "--json"))
        return only(host for tenant in tenants for host in tenant["hosts"] if host["name"] == site.name)

    def _link(self, site: Site) -> str:
        return "up" if self._host(site)["link_up"] else "down"

    def _wait_for_agent(self, site: Site, version: str) -> None:
        """Wait until an agent of this version has reported how its host is managed."""

        def reported() -> bool:
            host = self._host(site)
            return host["agent_version"] == version and host["report"]["management"] is not None

        if not wait_for(reported, poll_s=POLL_S):
            raise Failed(f"expected a report of {site.place} by an agent of version {version}")

    def _wait_for_link(self, site: Site, *, up: bool) -> None:
        wanted = "up" if up else "down"
        if not wait_for(lambda: self._link(site) == wanted, poll_s=POLL_S):
            raise Failed(f"expected the link of {site.place} {wanted}")

    def _picture(self, name: str) -> None:
        path = self._pictures / f"{name}.png"
        self.display.screenshot(path)
        fact("picture", shown(path))


def only(found: Iterable[T]) -> T:
    """Return what is there once."""
    (one,) = found
    return one


def is_open(grant: dict[str, Any]) -> bool:
    """Say whether a grant, as the command line lists it, opens something still."""
    return bool(grant["state"] == "granted")


def seen(text: str, wanted: str) -> None:
    """Return if the text has what is wanted."""
    if wanted not in text:
        raise Failed(f"expected {wanted!r}, got {text}")


def tampered(lines: list[str]) -> dict[str, list[str]]:
    """Return what a flight record, entries and then its signed head, may be made into, by what was done."""
    first, second, *others, last, head = lines
    return {
        "changed": [first.replace(PURPOSE, "backup is due"), second, *others, last, head],
        "shortened in the middle": [first, *others, last, head],
        "put in another order": [second, first, *others, last, head],
        "cut off at its end": [first, second, *others, head],
    }


def quoted(words: Iterable[str]) -> str:
    """Return the words as one would type them."""
    return shlex.join(words)
