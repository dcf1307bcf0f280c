"""Connection files as this server hands them out: complete, signed, and encoded for every client.

What a file asks for is the policy of the host pool, each redirection said explicitly: several are on when
nothing is said. The gateway says the same of those it can name (`gateway/codes.py`), and neither is a
boundary, since both are the client's to heed.
"""

from collections.abc import Mapping, Set
from typing import Final

from dialback.domain.catalog import PublishedResource
from dialback.domain.directory import Published
from dialback.domain.pools import Redirection
from dialback.domain.secret import Secret
from dialback.domain.tenancy import User
from dialback.identity.signing import SigningKey
from dialback.wire import rdpfile, rdpsettings, rdpsign
from dialback.wire.rdpsettings import Value

ALIAS_MARK = "||"
_NO_TICKET: Final = Secret("-")
"""What stands for any ticket: a file without one has other settings."""

_HERE, _NOWHERE = 0, 2
"""Where sound is heard."""
_REDIRECTIONS: Final[Mapping[Redirection, Mapping[str, tuple[Value, Value]]]] = {
    Redirection.CLIPBOARD: {"redirectclipboard": (0, 1)},
    Redirection.DRIVES: {"drivestoredirect": ("", "*"), "redirectdrives": (0, 1)},
    Redirection.PRINTERS: {"redirectprinters": (0, 1)},
    Redirection.CAMERAS: {"camerastoredirect": ("", "*")},
    Redirection.MICROPHONE: {"audiocapturemode": (0, 1)},
    Redirection.SOUND: {"audiomode": (_NOWHERE, _HERE)},
    Redirection.SMART_CARDS: {"redirectsmartcards": (0, 1)},
    Redirection.SECURITY_KEYS: {"redirectwebauthn": (0, 1)},
    Redirection.SERIAL_PORTS: {"redirectcomports": (0, 1)},
    Redirection.USB: {"usbdevicestoredirect": ("", "*")},
    Redirection.PLUG_AND_PLAY: {"devicestoredirect": ("", "*")},
    Redirection.LOCATION: {"redirectlocation": (0, 1)},
}
"""The settings of each redirection, and their values when it is refused and when it is allowed."""


class ConnectionFiles:
    """Makes the connection files of one server; `address` is `NAME:PORT` of its gateway."""

    def __init__(self, key: SigningKey, address: str) -> None:
        self._key = key
        self._address = address

    @property
    def key(self) -> SigningKey:
        """The key that signs them."""
        return self._key

    @property
    def signer(self) -> str:
        """The thumbprint of who signs now."""
        return self._key.sha256

    def one_click(self, published: Published, user: User, token: Secret) -> bytes:
        """Return a signed file that opens the resource for the user by a connection token."""
        return self._signed(self._settings(published, user, token))

    def feed(self, published: Published, user: User, ticket: Secret, publisher: str) -> bytes:
        """Return a signed file that opens the resource for the user by a resource ticket.

        It names its feed's publisher, so that the client knows to which subscription it belongs.
        """
        return self._signed(self._of_feed(published, user, ticket, publisher))

    def unsigned(self, published: Published, user: User, publisher: str) -> bytes:
        """Return what is in a file of the feed, but for the ticket and the signature."""
        values = self._of_feed(published, user, _NO_TICKET, publisher)
        return rdpfile.encode(rdpfile.build(_prepared(values).settings))

    def _of_feed(self, published: Published, user: User, ticket: Secret, publisher: str) -> dict[str, Value]:
        return {**self._settings(published, user, ticket), "workspace id": publisher}

    def _settings(self, published: Published, user: User, token: Secret) -> dict[str, Value]:
        pool, resource = published.pool, published.resource
        return {
            "full address": str(resource.name),
            "username": str(user.name),
            "use multimon": int(pool.multi_monitor),
            **redirection_settings(pool.redirections),
            **app_settings(resource),
            **rdpsettings.gateway(self._address, token.reveal()),
        }

    def _signed(self, values: Mapping[str, Value]) -> bytes:
        unsigned = _prepared(values)
        signed = rdpsign.attach(unsigned, self.key.sign(unsigned.message))
        return rdpfile.encode(rdpfile.build(signed))


def _prepared(values: Mapping[str, Value]) -> rdpsign.Unsigned:
    return rdpsign.prepare(rdpsettings.build_settings(rdpsettings.complete(values)))


def redirection_settings(allowed: Set[Redirection]) -> dict[str, Value]:
    """Return the settings that allow these redirections and refuse every other."""
    return {
        name: values[redirection in allowed]
        for redirection, settings in _REDIRECTIONS.items()
        for name, values in settings.items()
    }


def app_settings(resource: PublishedResource) -> dict[str, Value]:
    """Return the settings that show the resource's program; none for a desktop."""
    app = resource.remote_app
    if app is None:
        return {}
    settings = rdpsettings.remote_app(
        app.program.removeprefix(ALIAS_MARK),
        resource.title,
        arguments=app.arguments.strip(),
        folder=app.working_directory.strip(),
        extensions=app.file_extensions,
    )
    # A program that is named by its path has no alias: hosts take either.
    return {**settings, "remoteapplicationprogram": app.program, "alternate shell": app.program}
