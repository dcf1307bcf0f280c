"""Start-on-connect: waking a session host for a client that stays parked meanwhile.

The hook, a command on this server or a request to a URL, only has to begin the waking; that it worked is
seen by the host's agent link, and by what the agent says there first. One wake per host runs at a time:
whoever else wants the host waits for the same, and it goes on when all of them leave. Rules of this file:

- A command is started without a shell, with an environment of a few variables, in a process group of its own,
  which is killed at the deadline. Of what it writes, a few kilobytes are kept, the last line for the reason.
- A URL is asked by HTTPS, or plainly on the loopback; redirections are not followed, and what the answer says
  is not read, only its status.
- Both are written by administrators of a tenant but run with the server's rights. So commands and the
  loopback are for the tenants that the server's settings name; where the URL of any other leads is
  looked up first, since there are many spellings and names of the loopback.
"""

import asyncio
import contextlib
import ipaddress
import os
import shlex
import signal
from collections.abc import AsyncIterator, Callable

import httpx

from dialback.broker.settings import BrokerSettings
from dialback.domain.contracts import Waker
from dialback.domain.directory import HostStanding
from dialback.domain.errors import Reason, Refused
from dialback.domain.ids import HostId
from dialback.domain.pools import HostPool, StartOnConnect, WakeMethod
from dialback.observe.log import get_logger
from dialback.observe.tasks import Tasks, set_within
from dialback.transport.tls import client_context

LOOK_EVERY_S = 0.2
WEBHOOK_TIMEOUT_S = 10.0
OUTPUT_BYTES = 4096
SHOWN_CHARS = 200
_INHERITED = ("PATH", "HOME", "LANG", "SYSTEMROOT")
_log = get_logger(__name__)


class HookFailed(Exception):
    """A hook did not do its work; the message says how."""


class HookWaker(Waker):
    """Wakes hosts by the hook of their pool.

    Args:
        ready: says whether a host can be connected to.
        tasks: owns what runs while nobody waits for it.
    """

    def __init__(
        self,
        ready: Callable[[HostId], bool],
        tasks: Tasks,
        settings: BrokerSettings | None = None,
        look_every_s: float = LOOK_EVERY_S,
    ) -> None:
        self._ready = ready
        self._tasks = tasks
        self._settings = settings or BrokerSettings()
        self._look_every_s = look_every_s
        self._wakes: dict[HostId, asyncio.Task[Refused | None]] = {}

    async def wake(self, pool: HostPool, host: HostStanding) -> None:
        """Return once the host is ready. Cancel-safe: the wake goes on for others.

        Raises:
            Refused: `HOST_OFFLINE` without a hook, else `WAKE_FAILED` or `WAKE_TIMED_OUT`.
        """
        if pool.start_on_connect is None:
            raise Refused(Reason.HOST_OFFLINE, host.name)
        host_id = host.member.host
        wake = self._wakes.get(host_id)
        if wake is None:
            wake = self._tasks.start(f"wake {host_id}", self._wake(pool, pool.start_on_connect, host))
            self._wakes[host_id] = wake
            wake.add_done_callback(lambda _: self._wakes.pop(host_id, None))
        refused = await asyncio.shield(wake)
        if refused is not None:
            raise Refused(refused.reason, refused.detail)

    def wakes(self, host_id: HostId) -> bool:
        return host_id in self._wakes

    async def _wake(self, pool: HostPool, hook: StartOnConnect, host: HostStanding) -> Refused | None:
        """Run the hook and wait for the host; return why it failed, since several may ask."""
        host_id = host.member.host
        _log.info("waking a host", tenant=pool.tenant, host=host_id, name=host.name, method=hook.method.value)
        try:
            async with asyncio.timeout(hook.deadline_s):
                ordered = self._tasks.start(f"wake hook {host_id}", self._order(pool, hook, host))
                while not self._ready(host_id):
                    if ordered.done() and (problem := ordered.result()):
                        _log.warning("start-on-connect hook failed", host=host_id, why=problem)
                        return Refused(Reason.WAKE_FAILED, f"{host.name}: {problem}")
                    await asyncio.sleep(self._look_every_s)
        except TimeoutError:
            lack = "no agent link with an RDP server that answers"
            return Refused(Reason.WAKE_TIMED_OUT, f"{host.name}: {lack} within {hook.deadline_s} s")
        return None

    async def _order(self, pool: HostPool, hook: StartOnConnect, host: HostStanding) -> str:
        """Run the hook to its end; return what went wrong, empty if nothing."""
        trusted = pool.tenant in self._settings.wake_tenants
        facts = {
            "host_id": host.member.host,
            "host_name": host.name,
            "pool_id": pool.id,
            "pool_name": pool.name,
            "tenant": pool.tenant,
        }
        try:
            if hook.method is WakeMethod.WEBHOOK:
                await post(hook.what, facts, loopback=trusted)
            elif trusted:
                await run_command(hook.what, facts, hook.deadline_s)
            else:
                raise HookFailed("the server runs no commands of this tenant")
        except HookFailed as problem:
            return str(problem)
        return ""


async def run_command(line: str, facts: dict[str, str], deadline_s: float) -> None:
    """Run a command line to its end, and kill its process group at the deadline.

    Args:
        facts: each is a variable of its environment, `DIALBACK_` and its name in capitals.

    Raises:
        HookFailed: it cannot be started, took too long, or ended with another status than 0.
    """
    try:
        arguments = shlex.split(line)
    except ValueError as error:
        raise HookFailed(f"the command line cannot be split: {error}") from error
    variables = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    variables |= {f"DIALBACK_{name.upper()}": value.replace("\0", "") for name, value in facts.items()}
    async with _kept_output() as (output, stdout):
        try:
            process = await asyncio.create_subprocess_exec(
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=stdout,
                stderr=stdout,
                env=variables,
                start_new_session=True,
            )
        except (OSError, ValueError, TypeError) as error:
            raise HookFailed(f"the command cannot be started: {error}") from error
        finally:
            os.close(stdout)
        try:
            async with asyncio.timeout(deadline_s):
                status = await process.wait()
        except TimeoutError as error:
            raise HookFailed(f"the command did not end within {deadline_s:g} s and was killed") from error
        finally:
            await _kill(process)
        await output.wait_ended(LOOK_EVERY_S)
    if status:
        raise HookFailed(f"the command ended with status {status}: {output.last_line()}")


async def post(url: str, facts: dict[str, str], *, loopback: bool) -> None:
    """Send the facts to a URL as JSON.

    Args:
        loopback: whether it may be on this machine.

    Raises:
        HookFailed: it may not be asked, does not answer, or answers with another status than 2xx.
    """
    await _check_url(url, loopback)
    # Reading the system's roots takes some tens of milliseconds, which relays must not wait for.
    context = await asyncio.to_thread(client_context)
    try:
        async with (
            asyncio.timeout(WEBHOOK_TIMEOUT_S),
            httpx.AsyncClient(verify=context, follow_redirects=False, trust_env=False) as client,
            client.stream("POST", url, json=facts) as answer,
        ):
            if not answer.is_success:
                raise HookFailed(f"the webhook answered {answer.status_code}")
    except TimeoutError as error:
        raise HookFailed(f"the webhook did not answer within {WEBHOOK_TIMEOUT_S:g} s") from error
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        raise HookFailed(f"the webhook cannot be asked: {str(error) or type(error).__name__}") from error


async def _check_url(url: str, loopback: bool) -> None:
    try:
        parts = httpx.URL(url)
    except (httpx.InvalidURL, ValueError) as error:
        raise HookFailed(f"the webhook is no URL: {error}") from error
    here = parts.host == "localhost" or _is_loopback(parts.host)
    if not loopback and (here or await _leads_to_loopback(parts.host)):
        raise HookFailed("the server calls no loopback for this tenant")
    if parts.scheme != "https" and not (parts.scheme == "http" and here):
        raise HookFailed("expected a webhook by https, or on the loopback")


async def _leads_to_loopback(name: str) -> bool:
    """Say whether the system takes a name, or a spelling of an address, for one of the loopback."""
    try:
        async with asyncio.timeout(WEBHOOK_TIMEOUT_S):
            found = await asyncio.get_running_loop().getaddrinfo(name.rstrip("."), None)
    except (OSError, UnicodeError) as error:
        raise HookFailed(f"the webhook cannot be asked: {str(error) or type(error).__name__}") from error
    return any(_is_loopback(str(where[0])) for *_, where in found)


def _is_loopback(name: str) -> bool:
    """Say whether it is an address of the loopback; who connects to the unspecified one gets there too."""
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address(name)
        address = getattr(address, "ipv4_mapped", None) or address
        return address.is_loopback or address.is_unspecified
    return False


class _Output(asyncio.Protocol):
    """What a command writes, of which the end is kept."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self._ended = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        self._kept += data
        del self._kept[:-OUTPUT_BYTES]

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended.set()

    async def wait_ended(self, timeout_s: float) -> None:
        """Wait until nobody can write more; what a command left running may, for long."""
        await set_within(self._ended, timeout_s)

    def last_line(self) -> str:
        """Return the last line that says something, short and printable."""
        lines = [line for line in self._kept.decode(errors="replace").splitlines() if line.strip()]
        return (
            "".join(char for char in lines[-1] if char.isprintable())[:SHOWN_CHARS] if lines else "no output"
        )


@contextlib.asynccontextmanager
async def _kept_output() -> AsyncIterator[tuple[_Output, int]]:
    """Give what a command writes, and the file descriptor to write to, which the caller closes.

    A pipe of our own, since that of `asyncio.subprocess` stays open as long as any child has it.
    """
    ours, theirs = os.pipe()
    transport, output = await asyncio.get_running_loop().connect_read_pipe(
        _Output, os.fdopen(ours, "rb", buffering=0)
    )
    try:
        yield output, theirs
    finally:
        transport.close()


async def _kill(process: asyncio.subprocess.Process) -> None:
    """Kill the process with its group, if it still runs."""
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    await asyncio.shield(process.wait())
