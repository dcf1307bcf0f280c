"""What clients ask for and what goes around the document."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialback.wire.feed.negotiation import (
    COOKIE_NAME,
    SchemaVersion,
    build_login_body,
    choose_version,
    content_disposition,
    entity_tag,
    is_unchanged,
    token_of,
)

RADC = "application/x-msts-radc+xml"
V1_1, V2_0, V2_1 = SchemaVersion


@pytest.mark.parametrize(
    ("accept", "version"),
    [
        ([], V1_1),
        (["*/*"], V1_1),
        ([RADC], V1_1),
        ([f"{RADC}; radc_schema_version=2.0"], V2_0),
        ([f"{RADC};radc_schema_version=2.0"], V2_0),
        ([f'{RADC} ; RADC_Schema_Version = "2.0"'], V2_0),
        (["application/xml", "Image/*", f"text/*, {RADC};radc_schema_version=2.0, a/b"], V2_0),
        ([f"{RADC};radc_schema_version=1.1"], V1_1),
        ([f"{RADC};radc_schema_version=1.1", f"{RADC};radc_schema_version=2.0"], V2_0),
        ([f"{RADC};radc_schema_version=2.1"], V2_1),
        ([f"{RADC};radc_schema_version=3.0"], V1_1),
        ([f"{RADC};radc_schema_version=2.0.1"], V1_1),
        ([f"{RADC};radc_schema_version=2.00"], V1_1),
        ([f"{RADC};radc_schema_version="], V1_1),
    ],
)
def test_newest_known_version_is_chosen_and_1_1_if_there_is_none(
    accept: list[str], version: SchemaVersion
) -> None:
    assert choose_version(accept) is version


@pytest.mark.parametrize(("parameter", "version"), [("2.0", V2_0), ("1.1", V1_1), ("x", V1_1), ("2.1", V2_1)])
def test_address_may_ask_for_a_version(parameter: str, version: SchemaVersion) -> None:
    assert choose_version((), parameter) is version


def test_document_of_1_1_is_plain_xml_and_the_others_have_a_type_of_their_own() -> None:
    assert V1_1.content_type == "text/xml; charset=utf-8"
    assert V2_0.content_type == V2_1.content_type == f"{RADC}; charset=utf-8"


@given(st.lists(st.text()), st.text())
def test_any_header_gives_a_version(accept: list[str], parameter: str) -> None:
    assert choose_version(accept, parameter) in SchemaVersion


def test_login_answers_with_the_token_alone() -> None:
    assert build_login_body("abc-_=") == b"abc-_="


@pytest.mark.parametrize("token", ["", "a b", "a;b", "a\r\nb", "é", "a" * 4086])
def test_token_that_is_no_cookie_is_refused_and_not_shown(token: str) -> None:
    with pytest.raises(ValueError, match="token") as caught:
        build_login_body(token)
    assert not token or token not in str(caught.value)
    assert token_of([f"{COOKIE_NAME}={token}"]) is None or token == "a;b"


@pytest.mark.parametrize(
    ("cookies", "token"),
    [
        ([], None),
        (["a=b"], None),
        ([".ASPXAUTH=t"], "t"),
        (['a=b; .aspxauth="t="; c=d'], "t="),
        (["a=b", ".ASPXAUTH=t"], "t"),
        ([".ASPXAUTH=t; .ASPXAUTH=t"], "t"),
        ([".ASPXAUTH=t; .ASPXAUTH=u"], None),
        ([".ASPXAUTH=t", ".ASPXAUTH="], None),
        ([".ASPXAUTH"], None),
    ],
)
def test_token_is_found_among_cookies(cookies: list[str], token: str | None) -> None:
    assert token_of(cookies) == token


@given(st.from_regex(r"[A-Za-z0-9_.~+/=-]{1,80}", fullmatch=True))
def test_token_of_a_login_comes_back(token: str) -> None:
    assert token_of([f"x=y; {COOKIE_NAME}={build_login_body(token).decode()}"]) == token


@given(st.text())
def test_any_cookie_gives_a_token_or_none(text: str) -> None:
    token = token_of([text])
    assert token is None or build_login_body(token)


def test_body_has_one_tag() -> None:
    assert entity_tag(b"a") == entity_tag(b"a") != entity_tag(b"b")
    assert entity_tag(b"")[0] == entity_tag(b"")[-1] == '"'


@pytest.mark.parametrize(
    ("header", "unchanged"),
    [
        ("{tag}", True),
        ("W/{tag}", True),
        ('"other", {tag}', True),
        ("*", True),
        ('"other"', False),
        ("", False),
        ("{bare}", False),
        ('"x{bare}"', False),
    ],
)
def test_client_that_has_the_version_is_told_so(header: str, unchanged: bool) -> None:
    tag = entity_tag(b"a")
    assert is_unchanged([header.format(tag=tag, bare=tag.strip('"'))], tag) is unchanged
    assert is_unchanged([], tag) is False


@pytest.mark.parametrize(
    ("title", "value"),
    [
        ("Notepad", "attachment; filename=\"Notepad.rdp\"; filename*=UTF-8''Notepad.rdp"),
        ("Zoë 🖥", "attachment; filename=\"Zo_ _.rdp\"; filename*=UTF-8''Zo%C3%AB%20%F0%9F%96%A5.rdp"),
        ('a"\r\nb/..\\;%', "attachment; filename=\"a___b_..___.rdp\"; filename*=UTF-8''a___b_..___.rdp"),
        (" .. ", "attachment; filename=\"connection.rdp\"; filename*=UTF-8''connection.rdp"),
    ],
)
def test_file_is_saved_under_its_title(title: str, value: str) -> None:
    assert content_disposition(title) == value


@given(st.text())
def test_no_title_leaves_its_quotes(title: str) -> None:
    value = content_disposition(title)
    assert value.isascii()
    assert value.isprintable()
    assert value.count('"') == 2
    assert value.endswith(".rdp")
