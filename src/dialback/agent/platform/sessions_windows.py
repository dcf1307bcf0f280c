"""Sessions of a Windows host, by the Remote Desktop Services API (wtsapi32.dll).

The library is reached through one small seam, `Wts`, so that what the answers mean is plain code: structures
are laid out with fixed widths and pointers as numbers, text is UTF-16. Listed are sessions that somebody has
logged on to. To act on other users' sessions the agent has to run as a service under LocalSystem or an
administrator; Windows refuses otherwise with error 5.

Source: Remote Desktop Services API: WTSEnumerateSessionsExW, WTS_SESSION_INFO_1W, WTSQuerySessionInformationW
with WTSSessionInfo (WTSINFOW) and WTSSessionInfoEx (WTSINFOEXW, its flags), WTSSendMessageW,
WTSDisconnectSession, WTSLogoffSession.
"""

import ctypes
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, TypeVar

from dialback.agent.platform.sessions import NO_SUCH_SESSION, SessionProblem, Sessions, StateChanges
from dialback.wire.agent.messages import HostSession, SessionState, clip

MESSAGE_LASTS_S = 3600
MB_ICONINFORMATION = 0x40
ERROR_ACCESS_DENIED = 5
ERROR_FILE_NOT_FOUND = 2
ERROR_CTX_WINSTATION_NOT_FOUND = 7022
MAX_TEXT_UTF16 = 1024

STATES: dict[int, SessionState] = {0: "active", 1: "active", 3: "active", 4: "disconnected"}
"""WTS_CONNECTSTATE_CLASS: active, connected, shadowing, disconnected; the others have no user."""

_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_ID = re.compile(r"[0-9]{1,10}")
S = TypeVar("S", bound=ctypes.Structure)


class SessionInfo(ctypes.Structure):
    """WTS_SESSION_INFO_1W."""

    _fields_ = (
        ("ExecEnvId", ctypes.c_uint32),
        ("State", ctypes.c_uint32),
        ("SessionId", ctypes.c_uint32),
        ("pSessionName", ctypes.c_void_p),
        ("pHostName", ctypes.c_void_p),
        ("pUserName", ctypes.c_void_p),
        ("pDomainName", ctypes.c_void_p),
        ("pFarmName", ctypes.c_void_p),
    )


LOCKS = {0: True, 1: False}
"""WTS_SESSIONSTATE_LOCK and WTS_SESSIONSTATE_UNLOCK; anything else is not known."""


class SessionTimes(ctypes.Structure):
    """WTSINFOW; the texts are UTF-16, the times FILETIME."""

    _fields_ = (
        ("State", ctypes.c_uint32),
        ("SessionId", ctypes.c_uint32),
        ("IncomingBytes", ctypes.c_uint32),
        ("OutgoingBytes", ctypes.c_uint32),
        ("IncomingFrames", ctypes.c_uint32),
        ("OutgoingFrames", ctypes.c_uint32),
        ("IncomingCompressedBytes", ctypes.c_uint32),
        ("OutgoingCompressedBytes", ctypes.c_uint32),
        ("WinStationName", ctypes.c_uint16 * 32),
        ("Domain", ctypes.c_uint16 * 17),
        ("UserName", ctypes.c_uint16 * 21),
        ("ConnectTime", ctypes.c_int64),
        ("DisconnectTime", ctypes.c_int64),
        ("LastInputTime", ctypes.c_int64),
        ("LogonTime", ctypes.c_int64),
        ("CurrentTime", ctypes.c_int64),
    )


class SessionFlags(ctypes.Structure):
    """The beginning of WTSINFOEXW with its WTSINFOEX_LEVEL1_W, which is laid out for 64-bit times."""

    _fields_ = (
        ("Level", ctypes.c_uint32),
        ("Padding", ctypes.c_uint32),
        ("SessionId", ctypes.c_uint32),
        ("SessionState", ctypes.c_uint32),
        ("SessionFlags", ctypes.c_int32),
    )


@dataclass(frozen=True, slots=True)
class Found:
    """One session as the API tells of it; times are FILETIME, 0 if there is none."""

    id: int
    state: int
    user: str
    domain: str
    connected: int = 0
    disconnected: int = 0
    logged_on: int = 0
    locked: bool | None = None


class Wts(Protocol):
    """The calls of the API that are used; each raises `OSError` with Windows' error number as `errno`."""

    def sessions(self) -> Sequence[Found]:
        """WTSEnumerateSessionsExW, and WTSQuerySessionInformationW for each session."""

    def send_message(self, id: int, title: str, text: str, timeout_s: int) -> None:
        """WTSSendMessageW, without waiting for the answer."""

    def disconnect(self, id: int) -> None:
        """WTSDisconnectSession, waiting for its end."""

    def log_off(self, id: int) -> None:
        """WTSLogoffSession, waiting for its end."""


def text_at(address: int | None) -> str:
    """Return the UTF-16 text that ends with a NUL at the address; empty for a null pointer."""
    if not address:
        return ""
    units = (ctypes.c_uint16 * MAX_TEXT_UTF16).from_address(address)
    raw = bytearray()
    # Unit by unit: what lies behind the NUL may not be ours to read.
    for index in range(MAX_TEXT_UTF16):
        unit = units[index]
        if unit == 0:
            break
        raw += int(unit).to_bytes(2, "little")
    return raw.decode("utf-16-le", errors="replace")


def found_of(info: SessionInfo, times: SessionTimes | None, flags: SessionFlags | None = None) -> Found:
    """Return what three structures of the API say together."""
    locked = LOCKS.get(flags.SessionFlags) if flags is not None and flags.Level == 1 else None
    found = Found(
        info.SessionId, info.State, text_at(info.pUserName), text_at(info.pDomainName), locked=locked
    )
    if times is None:
        return found
    return replace(
        found, connected=times.ConnectTime, disconnected=times.DisconnectTime, logged_on=times.LogonTime
    )


def instant_of(filetime: int) -> datetime | None:
    """Return the instant of a FILETIME: tenths of a microsecond since 1601; None for none."""
    if filetime <= 0:
        return None
    try:
        return _EPOCH + timedelta(microseconds=filetime // 10)
    except OverflowError:
        return None


def user_of(found: Found) -> str:
    """Return the session's user as the wire carries them; an empty text if nobody has logged on to it."""
    user = clip(found.user)
    return (f"{clip(found.domain)}\\{user}" if found.domain and user else user)[:104]


def session_of(found: Found, changes: StateChanges, now: datetime) -> HostSession | None:
    """Return the session as the wire carries it; None if nobody has logged on to it."""
    state, user = STATES.get(found.state), user_of(found)
    if state is None or not user:
        return None
    began = found.disconnected if state == "disconnected" else (found.connected or found.logged_on)
    started = min(now, instant_of(began) or instant_of(found.logged_on) or now)
    key = (found.id, found.logged_on)
    since = started if instant_of(began) else changes.since(key, state, started, now)
    return HostSession(id=str(found.id), user=user, state=state, since=since, locked=found.locked)


class WindowsSessions(Sessions):
    """The sessions of a Windows host."""

    def __init__(
        self, wts: Wts | None = None, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._wts = wts or Wtsapi32()
        self._now = now
        self._changes = StateChanges()

    def list(self) -> Sequence[HostSession]:
        try:
            found = self._wts.sessions()
        except OSError as error:
            raise SessionProblem(f"Windows does not list its sessions: error {error.errno}") from error
        now = self._now()
        self._changes.keep({(each.id, each.logged_on) for each in found})
        sessions = (session_of(each, self._changes, now) for each in found)
        return [session for session in sessions if session is not None]

    def message(self, id: str, text: str, user: str | None = None) -> None:
        self._do(id, user, lambda number: self._wts.send_message(number, "Message", text, MESSAGE_LASTS_S))

    def disconnect(self, id: str, user: str | None = None) -> None:
        self._do(id, user, self._wts.disconnect)

    def log_off(self, id: str, user: str | None = None) -> None:
        self._do(id, user, self._wts.log_off)

    def _do(self, id: str, user: str | None, action: Callable[[int], None]) -> None:
        if not _ID.fullmatch(id):
            raise SessionProblem(NO_SUCH_SESSION)
        try:
            if user is not None and (int(id), user) not in self._users():
                raise SessionProblem(NO_SUCH_SESSION)
            action(int(id))
        except OSError as error:
            raise SessionProblem(sentence_of(error.errno or 0)) from error

    def _users(self) -> set[tuple[int, str]]:
        return {(each.id, user_of(each)) for each in self._wts.sessions()}


def sentence_of(number: int) -> str:
    """Return what an error number of Windows means for whoever asked."""
    if number == ERROR_ACCESS_DENIED:
        return "the agent may not act on other users' sessions; run it as LocalSystem or as an administrator"
    if number in (ERROR_FILE_NOT_FOUND, ERROR_CTX_WINSTATION_NOT_FOUND):
        return NO_SUCH_SESSION
    return f"Windows refused with error {number}"


class Wtsapi32:
    """The API itself; to be made on Windows alone."""

    _LEVEL_1 = 2
    """WTSTypeSessionInfoLevel1, for WTSFreeMemoryExW."""
    _SESSION_INFO = 24
    """WTSSessionInfo of WTS_INFO_CLASS."""
    _SESSION_INFO_EX = 25
    """WTSSessionInfoEx of it."""

    def __init__(self) -> None:
        self._dll: Any = ctypes.WinDLL("wtsapi32", use_last_error=True)  # type: ignore[attr-defined, unused-ignore]
        self._dll.WTSFreeMemory.argtypes = [ctypes.c_void_p]
        self._dll.WTSFreeMemory.restype = None

    def sessions(self) -> Sequence[Found]:
        level, count, first = ctypes.c_uint32(1), ctypes.c_uint32(), ctypes.c_void_p()
        self._call(
            "WTSEnumerateSessionsExW",
            ctypes.c_void_p(),
            ctypes.byref(level),
            ctypes.c_uint32(0),
            ctypes.byref(first),
            ctypes.byref(count),
        )
        try:
            if not count.value or not first.value:
                return []
            infos = (SessionInfo * count.value).from_address(first.value)
            return [self._found(info) for info in infos]
        finally:
            self._dll.WTSFreeMemoryExW(ctypes.c_int(self._LEVEL_1), first, count)

    def _found(self, info: SessionInfo) -> Found:
        times = self._query(info.SessionId, self._SESSION_INFO, SessionTimes)
        return found_of(info, times, self._query(info.SessionId, self._SESSION_INFO_EX, SessionFlags))

    def _query(self, id: int, kind: int, structure: type[S]) -> S | None:
        data, size = ctypes.c_void_p(), ctypes.c_uint32()
        try:
            self._call(
                "WTSQuerySessionInformationW",
                ctypes.c_void_p(),
                ctypes.c_uint32(id),
                ctypes.c_int(kind),
                ctypes.byref(data),
                ctypes.byref(size),
            )
        except OSError:
            return None
        try:
            if not data.value or size.value < ctypes.sizeof(structure):
                return None
            return structure.from_buffer_copy(ctypes.string_at(data.value, ctypes.sizeof(structure)))
        finally:
            self._dll.WTSFreeMemory(data)

    def send_message(self, id: int, title: str, text: str, timeout_s: int) -> None:
        answer = ctypes.c_uint32()
        self._call(
            "WTSSendMessageW",
            ctypes.c_void_p(),
            ctypes.c_uint32(id),
            ctypes.c_wchar_p(title),
            ctypes.c_uint32(len(title.encode("utf-16-le"))),
            ctypes.c_wchar_p(text),
            ctypes.c_uint32(len(text.encode("utf-16-le"))),
            ctypes.c_uint32(MB_ICONINFORMATION),
            ctypes.c_uint32(timeout_s),
            ctypes.byref(answer),
            ctypes.c_int(0),
        )

    def disconnect(self, id: int) -> None:
        self._call("WTSDisconnectSession", ctypes.c_void_p(), ctypes.c_uint32(id), ctypes.c_int(1))

    def log_off(self, id: int) -> None:
        self._call("WTSLogoffSession", ctypes.c_void_p(), ctypes.c_uint32(id), ctypes.c_int(1))

    def _call(self, name: str, *arguments: Any) -> None:
        if not self._dll[name](*arguments):
            raise OSError(ctypes.get_last_error(), name)  # type: ignore[attr-defined, unused-ignore]
