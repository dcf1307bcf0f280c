"""The 401: what is offered, and in which order."""

from dialback.web.feed.challenges import unauthorized


def test_ntlm_is_offered_first_and_alone_on_its_line() -> None:
    assert unauthorized().headers.getlist("www-authenticate") == [
        "NTLM",
        'Basic realm="Dialback", charset="UTF-8"',
    ]


def test_handshake_that_goes_on_offers_nothing_else() -> None:
    response = unauthorized("TlRM")
    assert response.status_code == 401
    assert response.headers.getlist("www-authenticate") == ["NTLM TlRM"]
