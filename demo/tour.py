"""The demonstration, step by step: what an administrator does, then what a user does, then what is kept.

Everything is real: the server, two agents, two xrdp hosts, Chromium and xfreerdp are started as their own
programs, and each is used as people use it: by command line, page and connection file. No certificate check
is off. What is shown is what was seen; where a step sees something else, it fails.
"""

import os
import secrets
import time
from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import Page

from demo import people
from demo.show import fact, ran, step, verbatim
from lab.accounts import Account
from lab.browser import Browser
from lab.certificates import Authority
from lab.display import Display
from lab.feed_client import FEED, FeedClient
from lab.freerdp import FreeRdp
from lab.listening import in_namespace_of, listening
from lab.platform import COMMAND, HostAgent, Platform
from lab.process import Failed
from lab.signature import value_of, verify
from lab.xrdp_host import SOCKET_INSIDE, XrdpHost

HERE = Path(__file__).parent
DECLARATION = HERE / "workspace.yaml"
USER = "anna"
POOL = "office"
HOSTS = {"office-1": "#2d5f8b", "office-2": "#2f6b4f"}
"""Session hosts and the background of their desktops, by which the pictures tell them apart."""
DESKTOP, APP = "Office desktop", "Terminal"
SIZE = (1024, 768)
SETTLE_S = 1.0
"""Time for what was typed to be carried out and drawn, before the picture is taken."""
WOULD_CHANGE = 2
"""How a dry run of `apply` ends when there is something to do."""


class Tour:
    """What runs meanwhile: what people sit at ends with `run`, all else with the stack."""

    def __init__(self, stack: ExitStack, folder: Path, pictures: Path) -> None:
        """Keep all state in `folder`, which exists, and write pictures into `pictures`."""
        self._stack = stack
        self._seats = ExitStack()
        self._folder = folder
        self._pictures = pictures
        self.platform = Platform(folder)
        self.account = Account(USER)
        self.admin_password = secrets.token_urlsafe(12)
        self._hosts: dict[str, XrdpHost] = {}

    @property
    def url(self) -> str:
        return f"https://{self.platform.address}"

    @property
    def password(self) -> str:
        """Anna's, at the hosts and in the portal."""
        return self.account.password

    def run(self) -> None:
        """Go through all steps in their order; then server, hosts and agents alone go on."""
        with self._seats:
            self.start_server()
            self.become_administrator()
            self.join_hosts()
            self.publish()
            page = self.invite()
            file = self.download(page)
            self.open_desktop(page, file)
            self.subscribe(page)
            self.look_back()

    def start_server(self) -> None:
        """Start the server, which makes everything it needs."""
        with step("1. The server: portal, gateway and broker in one process, on one port"):
            self._stack.enter_context(self.platform)
            fact("listens on", self.platform.address)
            fact("made its own CA", shown(self.platform.ca))

    def become_administrator(self) -> None:
        """Open the link that the first start printed."""
        with step("2. The first administrator, by the one-time link that the server printed, in Chromium"):
            self._browser = self._seats.enter_context(Browser(self._folder, self.platform.ca))
            link = self.platform.first_link()
            page = self._browser.page(self.url)
            people.choose_password(page, link, self.admin_password)
            page.goto("/admin")
            fact("Chromium trusts", "the server's CA; no certificate check is off")
            fact("signed in as", page.locator(".who-name").inner_text())
            page.context.close()

    def join_hosts(self) -> None:
        """Start hosts with a desktop, and agents that bring them into one pool."""
        with step("3. Two session hosts: xrdp without a port, and an agent that dials out, into one pool"):
            self._stack.enter_context(self.account)
            self.run_shown("pool", "set", POOL, "--name", "Office")
            authority = Authority(self._folder / "hosts", "authority of the hosts")
            for name, colour in HOSTS.items():
                self._join(name, XrdpHost(self._folder, name, authority.issue(f"{name}.test"), colour=colour))
            reports = {name: self.platform.wait_for_report(name) for name in HOSTS}
            for name, report in reports.items():
                sees = f"{report['security']}, {report['tls_version']}, {report['certificate_sha256'][:16]}…"
                fact(f"{name} answers RDP with", sees)
            self._host = self._hosts["office-2"]
            # So there is something to find again, and xrdp's slow first start is not in the picture's time.
            self._host.log_on(USER, self.password)
            fact("anna has worked before on", self._host.name)

    def _join(self, name: str, host: XrdpHost) -> None:
        self._hosts[name] = self._stack.enter_context(host)
        target = f"unix:{SOCKET_INSIDE}"
        agent = HostAgent(self.platform, self._folder, name, target, host.among, pool=POOL)
        self._stack.enter_context(agent)
        reachable = {*listening(host.pid)} & {*in_namespace_of(os.getpid())}
        listens = ", ".join(each.address for each in [*reachable, *listening(agent.pid)])
        fact(f"{name} listens in the network on", listens or "nothing, neither xrdp nor agent")

    def publish(self) -> None:
        """Make the workspace what a file says."""
        with step("4. A workspace from a file: a desktop and an app for anna"):
            self.run_shown("user", "add", USER, "--display-name", "Anna Berg")
            dry = self.run_shown("apply", shown(DECLARATION), "--dry-run", status=WOULD_CHANGE)
            self.run_shown("apply", shown(DECLARATION))
            again = self.run_shown("apply", shown(DECLARATION), "--dry-run")
            if not dry or dry == again:
                raise Failed(f"expected a plan, and nothing left of it, got {dry!r} and {again!r}")

    def invite(self) -> Page:
        """Let Anna set her password and see what she has."""
        with step("5. Anna, invited by a link, signs in with Chromium"):
            link = self.platform.run("user", "invite", USER).strip()
            page = self._browser.page(self.url)
            people.choose_password(page, link, self.password)
            people.sign_out(page)
            people.sign_in(page, USER, self.password)
            fact("she sees", ", ".join(people.titles(page)))
            self._picture(page, "portal")
        return page

    def download(self, page: Page) -> Path:
        """Press Connect, for the app first, and look at the files."""
        with step("6. One click downloads a signed connection file"):
            app = people.download(page, APP, self._folder)
            file = people.download(page, DESKTOP, self._folder)
            for each in (app, file):
                scope = verify(each, self.platform.ca)
                fact(each.name, f"openssl cms -verify accepts the signature over {len(scope)} settings")
            fact("the app's file names", f"RemoteApp {value_of(app, 'remoteapplicationprogram')}")
            verbatim(
                "The app is a RemoteApp in file and feed alone: xrdp has whole desktops, and a client that\n"
                "asks it for an app shows nothing. That takes a Windows host, so it is not opened here."
            )
        return file

    def open_desktop(self, page: Page, file: Path) -> None:
        """Open the file with a stock client, and see the session in the portal."""
        with step("7. Stock xfreerdp opens it; the broker finds anna's session"):
            self._display = self._seats.enter_context(Display(self._folder, SIZE))
            self._client = self._seats.enter_context(
                FreeRdp(self._display, self._folder, authority=self.platform.ca)
            )
            self._pins = people.pins(page, DESKTOP)
            self._open(file, "desktop", "clear; uname -n; id -un; ss -4tln")
            people.see_session(page, self._host.name)
            self._picture(page, "timeline")
            self._client.stop()

    def subscribe(self, page: Page) -> None:
        """Subscribe as RemoteApp and Desktop Connections does, and open a file that came that way."""
        with step("8. A client subscribes to the feed with a workspace password, as Windows does (NTLM)"):
            password = people.make_workspace_password(page, "Laptop")
            client = FeedClient(self.platform.address, self.platform.ca, USER, password)
            with client:
                listed = client.subscribe()
                for line in client.walk:
                    verbatim(line)
                for resource in listed:
                    fact(resource.type, f"{resource.title} ({resource.alias})")
                by_title = {each.title: each for each in listed}
                if {*by_title} != {DESKTOP, APP}:
                    raise Failed(f"expected {DESKTOP} and {APP} in the feed, got {[*by_title]}")
                file = client.save(by_title[DESKTOP], self._folder / "feed.rdp")
            scope = verify(file, self.platform.ca)
            fact("its file", f"openssl cms -verify accepts the signature over {len(scope)} settings")
            self._open(file, "feed-desktop", "echo; echo The same session, by the file of the feed.")
            self._client.stop()

    def look_back(self) -> None:
        """Show what the server kept."""
        with step("9. What the server kept"):
            newest = self.platform.connections()[0]["id"]
            self.run_shown("connection", "show", newest)
            self.run_shown("session", "list")
            self.run_shown("audit", "list", "--limit", "12")

    def run_shown(self, *words: str, status: int = 0) -> str:
        """Run a command of the administrator's, show it with what it printed, and return that."""
        printed = self.platform.run(*words, status=status)
        ran(f"dialback {' '.join(words)}", printed)
        return printed

    def _open(self, file: Path, picture: str, typed: str) -> None:
        self._client.connect(file, user=USER, password=self.password, pin=self._pins)
        seconds = self._client.wait_rendered()
        self._display.wait_for_colour(self._host.colour)
        fact("desktop seen after", f"{seconds:.1f} s, with the colour of {self._host.name}")
        record = self.platform.connections()[0]
        fact("host chosen by", record["because"])
        self._display.type_in_terminal(typed)
        time.sleep(SETTLE_S)
        self._display.screenshot(self._pictures / f"{picture}.png")
        fact("picture", shown(self._pictures / f"{picture}.png"))

    def _picture(self, page: Page, name: str) -> None:
        path = self._pictures / f"{name}.png"
        page.screenshot(path=path)
        fact("picture", shown(path))

    def next_steps(self) -> str:
        """Return what to try while everything runs."""
        data, ca = shown(self.platform.data), shown(self.platform.ca)
        return "\n".join(
            [
                f"portal            {self.url}/  (the browser has to trust {ca})",
                f"user              {USER}, password {self.password} (in the portal and at the hosts)",
                f"administrator     admin, password {self.admin_password}",
                f"feed              {self.url}{FEED}  (anna, with a workspace password of the portal)",
                f"open a file       SSL_CERT_FILE={ca} and the command that the portal shows, with /u:{USER}",
                f"commands          {shown(COMMAND)} session list --data {data}",
                *(f"                  {shown(COMMAND)} {each} --data {data}" for each in COMMANDS),
            ]
        )


COMMANDS = ("host list", "connection list", "audit list", "doctor", "pool drain office office-1")


def shown(path: Path) -> str:
    """Return the path as short as it can be copied from here."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
