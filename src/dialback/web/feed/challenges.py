"""The 401 of the feed: which ways to log in are offered, in an order that every client can use.

NTLM stands first, since the Android app looks for that word alone. Negotiate is not offered: a client that
would rather have it begins with Kerberos, which this server has no part in, and every known client that takes
Negotiate takes NTLM. Basic comes last, for clients that know nothing else; all of it travels inside TLS.

Source: RFC 9110, HTTP Semantics, 11.6.1, WWW-Authenticate; RFC 7617, The 'Basic' HTTP Authentication Scheme.
"""

from starlette.responses import PlainTextResponse, Response

SENTENCE = "Log in with your user name and a workspace password.\n"

_OFFERS = ("NTLM", 'Basic realm="Dialback", charset="UTF-8"')


def unauthorized(ntlm: str = "") -> Response:
    """Return the 401; `ntlm` is the server's message of a handshake that goes on, in base64."""
    response = PlainTextResponse(SENTENCE, 401, {"Cache-Control": "no-store"})
    for offer in (f"NTLM {ntlm}",) if ntlm else _OFFERS:
        response.headers.append("WWW-Authenticate", offer)
    return response
