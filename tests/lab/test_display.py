"""Pictures are judged by their colours; a real display shows and takes what a program asks for."""

import struct
from pathlib import Path

import pytest

from lab.display import Display, authority_file, parse_bgra
from lab.listening import listening
from lab.process import Failed, wait_for

RED, BLUE = b"\x00\x00\xff\xff", b"\xff\x00\x00\xff"


def test_picture_counts_its_colours_and_their_share() -> None:
    picture = parse_bgra(RED + BLUE + BLUE + BLUE, (2, 2))
    assert picture.colours() == 2
    assert picture.share("#0000ff") == 0.75
    assert picture.share("#ff0000") == 0.25


def test_share_forgives_what_a_lossy_codec_changes() -> None:
    picture = parse_bgra(RED + b"\xf8\x04\x00\xff", (2, 1))
    assert picture.share("#0000ff") == 0.5
    assert picture.share("#000000") == 0.0


def test_alpha_makes_no_colour() -> None:
    assert parse_bgra(b"\x01\x02\x03\x00" + b"\x01\x02\x03\xff", (2, 1)).colours() == 1


def test_picture_of_another_size_is_refused() -> None:
    with pytest.raises(Failed, match="expected 16 bytes of picture, got 4"):
        parse_bgra(RED, (2, 2))


def test_authority_file_offers_its_cookie_to_any_display() -> None:
    data = authority_file(b"k" * 16)
    family, address, number, name = struct.unpack(">HHHH", data[:8])
    assert (family, address, number) == (0xFFFF, 0, 0)
    assert data[8 : 8 + name] == b"MIT-MAGIC-COOKIE-1"
    assert data[8 + name :] == struct.pack(">H", 16) + b"k" * 16


@pytest.mark.interop
def test_windows_are_managed_when_the_manager_says_so(tmp_path: Path) -> None:
    with Display(tmp_path, (320, 240)) as display:
        assert not display.is_managed()
        display.manage_windows()
        assert display.is_managed()


@pytest.mark.interop
def test_display_shows_what_is_typed_and_listens_on_no_port(tmp_path: Path) -> None:
    typed = tmp_path / "typed.txt"
    with Display(tmp_path, (640, 480)) as display:
        assert display.colours() == 1
        # A shell that reads no profile: what that starts may take long, and take the keys.
        terminal = display.launch("xterm", ["xterm", "-geometry", "80x24+0+0", "-e", "sh"])
        terminal.wait_until(lambda: display.colours() > 1, "window")
        display.click(200, 100)
        display.type_keys(f"echo 'a b' > {typed}", enter=True)
        assert wait_for(lambda: typed.exists() and typed.read_text() == "a b\n")
        display.screenshot(tmp_path / "shot.png")
        assert {one.kind for one in listening(display.pid)} == {"unix"}
    assert (tmp_path / "shot.png").read_bytes().startswith(b"\x89PNG")
