"""MS-RDWR: a client asks for the files of its user's sessions, to reconnect them.

One SOAP 1.1 operation without arguments. The answer carries whole connection files as text; their line ends
are written as references, so that a reader gets the very lines that were signed. Left out: SOAP 1.2, headers
(skipped) and faults, for which plain HTTP statuses do.

Source: [MS-RDWR] 3.1.4.1, GetRDPFiles; 4.1, An HTTP post request for data from the web service.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from xml.etree.ElementTree import Element, SubElement

from dialback.wire.errors import WireError
from dialback.wire.feed import markup
from dialback.wire.rdpfile import MAX_FILE_CHARS
from dialback.wire.text import check_text

NAMESPACE = "http://schemas.microsoft.com/ts/2010/09/rdweb"
ENVELOPE_NAMESPACE = "http://schemas.xmlsoap.org/soap/envelope/"
ACTION = f"{NAMESPACE}/GetRDPFiles"
CONTENT_TYPE = "text/xml; charset=utf-8"
VERSION = "8.0"
MAX_REQUEST_BYTES = 16384
MAX_RESPONSE_BYTES = 4 << 20


class SessionType(Enum):
    """What a session shows; the specification calls it ReconnectContentType."""

    DESKTOP = "REMOTEDESKTOP"
    VIRTUAL_MACHINE = "VMREMOTEDESKTOP"
    APP = "REMOTEAPPLICATION"


@dataclass(frozen=True, slots=True)
class ReconnectFile:
    """One session to reconnect: the text of its connection file, and what it shows."""

    text: str
    type: SessionType


def is_action(header: str) -> bool:
    """Say whether a SOAPAction header names the only operation there is; quotes are optional."""
    return header.strip().strip('"') == ACTION


def build_request() -> bytes:
    """Build the question."""
    root, body = _envelope()
    SubElement(body, "GetRDPFiles", {"xmlns": NAMESPACE})
    return markup.build(root)


def parse_request(data: bytes) -> None:
    """Check that the bytes are the question; it holds nothing else.

    Raises:
        WireError: they are something else.
    """
    question = _only(_body(markup.parse(data, MAX_REQUEST_BYTES)), "GetRDPFiles")
    if question.children or question.text.strip():
        raise WireError("expected an empty GetRDPFiles, got one with content")


def build_response(files: Iterable[ReconnectFile]) -> bytes:
    """Build the answer; the texts are those `dialback.wire.rdpfile` builds.

    Raises:
        ValueError: a text holds what XML cannot, or a line that does not end in CR LF.
    """
    root, body = _envelope()
    response = SubElement(body, "GetRDPFilesResponse", {"xmlns": NAMESPACE})
    result = SubElement(response, "GetRDPFilesResult")
    SubElement(result, "version").text = VERSION
    contents = SubElement(result, "wkspRC")
    for file in files:
        check_text(file.text.replace("\r\n", ""), "a connection file", MAX_FILE_CHARS)
        content = SubElement(contents, "ReconnectContent")
        SubElement(content, "rdpStream").text = file.text
        SubElement(content, "rct").text = file.type.value
    return markup.build(root)


def parse_response(data: bytes) -> tuple[ReconnectFile, ...]:
    """Parse the answer.

    Raises:
        WireError: the bytes are none.
    """
    response = _only(_body(markup.parse(data, MAX_RESPONSE_BYTES)), "GetRDPFilesResponse")
    contents = response.child(NAMESPACE, "GetRDPFilesResult").child(NAMESPACE, "wkspRC")
    return tuple(_parse_content(each) for each in contents.children)


def _parse_content(content: markup.Element) -> ReconnectFile:
    text = content.child(NAMESPACE, "rdpStream").text
    name = content.child(NAMESPACE, "rct").text.strip()
    try:
        return ReconnectFile(text, SessionType(name))
    except ValueError:
        raise WireError(f"expected a type of session, got {name[:64]!r}") from None


def _envelope() -> tuple[Element, Element]:
    root = Element("soap:Envelope", {"xmlns:soap": ENVELOPE_NAMESPACE})
    return root, SubElement(root, "soap:Body")


def _body(root: markup.Element) -> markup.Element:
    if (root.namespace, root.name) != (ENVELOPE_NAMESPACE, "Envelope"):
        raise WireError(f"expected a SOAP 1.1 envelope, got {root.name[:64]!r}")
    return root.child(ENVELOPE_NAMESPACE, "Body")


def _only(body: markup.Element, name: str) -> markup.Element:
    if len(body.children) != 1:
        raise WireError(f"expected one element in the SOAP body, got {len(body.children)}")
    return body.child(NAMESPACE, name)
