"""XML of peers: what is read, and what is not even started."""

from xml.etree.ElementTree import Element, SubElement

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialback.wire.errors import WireError
from dialback.wire.feed import markup

BOMB = b'<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><a>&c;</a>'
EXTERNAL = b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>'


def test_elements_have_namespace_children_and_text() -> None:
    root = markup.parse(
        b'<?xml version="1.0"?><x:a xmlns:x="urn:x">t<!-- c --><b>u</b>v&amp;&#13;</x:a>', 100
    )
    assert (root.namespace, root.name, root.text) == ("urn:x", "a", "tv&\r")
    assert root.child("", "b").text == "u"


@pytest.mark.parametrize("data", [BOMB, EXTERNAL, b"<!DOCTYPE a><a/>"])
def test_document_type_is_refused(data: bytes) -> None:
    with pytest.raises(WireError, match="no document type"):
        markup.parse(data, 1000)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" ",
        b"<a>",
        b"<a></b>",
        b"<a/><a/>",
        b"<x:a/>",
        b"<a>&b;</a>",
        b"<a>\0</a>",
        b"<a>&#0;</a>",
        b"<a>\xff</a>",
    ],
)
def test_what_is_not_well_formed_is_refused(data: bytes) -> None:
    with pytest.raises(WireError, match="well-formed"):
        markup.parse(data, 1000)


def test_limits_are_kept() -> None:
    levels, many = markup.MAX_DEPTH, markup.MAX_ELEMENTS
    assert markup.parse(b"<a>" * levels + b"</a>" * levels, 1000)
    assert markup.parse(b"<a>" + b"<b/>" * (many - 1) + b"</a>", 1 << 20)
    for data in (b"<a>" * (levels + 1), b"<a>" + b"<b/>" * many):
        with pytest.raises(WireError, match="at most, got more"):
            markup.parse(data, 1 << 20)
    with pytest.raises(WireError, match="at most 3 bytes"):
        markup.parse(b"<a/>", 3)


@pytest.mark.parametrize("data", [b"<a/>", b"<a><b/><b/></a>"])
def test_child_is_the_only_one_of_its_name(data: bytes) -> None:
    with pytest.raises(WireError, match="one b in a"):
        markup.parse(data, 100).child("", "b")


@given(
    st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"))
    | st.just("a\r\nb\r")
)
def test_text_survives_writing_and_reading(text: str) -> None:
    root = Element("a")
    root.text = text
    assert markup.parse(markup.build(root), 10000).text == text


@given(st.binary())
def test_any_bytes_give_an_element_or_a_wire_error(data: bytes) -> None:
    try:
        root = markup.parse(data, 1000)
    except WireError:
        return
    assert root.name


def test_element_written_as_text_is_the_one_the_tree_writes() -> None:
    text = "<&>\"'\r\n\t ü"
    root = Element("a", {"text": text})
    SubElement(root, "b")
    assert markup.document(markup.element("a", {"text": text}, markup.element("b", {}))) == markup.build(root)
