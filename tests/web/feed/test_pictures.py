"""Pictures: what is refused and in which words, what is left of an upload, and what clients get."""

import contextlib
import io
import struct
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from dialback.domain.catalog import ApplicationGroupKind, RemoteApp
from dialback.domain.icons import icon_of
from dialback.domain.ids import TenantId
from dialback.domain.tenancy import MAIN, Tenant
from dialback.store.memory import MemoryStore
from dialback.store.memory_icons import MemoryIcons
from dialback.web.feed.pictures import (
    ICO_SIZES,
    MAX_UPLOAD_BYTES,
    SIZES,
    Pictures,
    PictureUnfit,
    drawn,
    prepare_icon,
    render_ico,
    render_png,
    usual_id,
)
from tests.web.feed.nouns import DESKTOP


def picture(
    format: str = "PNG", size: tuple[int, int] = (40, 20), mode: str = "RGB", **more: object
) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, 1 if mode in "1LP" else "red").save(out, format, **more)
    return out.getvalue()


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


@pytest.mark.parametrize("format", ["PNG", "JPEG", "GIF", "BMP", "WEBP", "ICO"])
def test_picture_of_each_known_format_becomes_a_square_png(format: str) -> None:
    image = opened(prepare_icon(picture(format)))
    assert (image.format, image.size, image.mode) == ("PNG", (256, 256), "RGBA")


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "I;16"])
def test_picture_of_each_kind_of_pixel_is_taken(mode: str) -> None:
    out = io.BytesIO()
    Image.new(mode, (8, 8)).save(out, "PNG")
    assert opened(prepare_icon(out.getvalue())).size == (256, 256)


def test_picture_that_is_not_square_stands_in_the_middle_of_transparency() -> None:
    image = opened(prepare_icon(picture(size=(40, 20))))
    assert image.getpixel((128, 10)) == (0, 0, 0, 0)
    assert image.getpixel((128, 128)) == (255, 0, 0, 255)


@pytest.mark.parametrize("size", [(1, 1), (1, 1024), (1024, 1)])
def test_picture_of_extreme_shape_is_taken(size: tuple[int, int]) -> None:
    assert opened(prepare_icon(picture(size=size))).size == (256, 256)


def test_nothing_that_the_file_carried_survives() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "<script>alert(1)</script>")
    info.add_itxt("Title", "hidden")
    hostile = picture(pnginfo=info) + b"PK\x03\x04 trailing"
    assert b"script" in hostile

    clean = prepare_icon(hostile)

    assert b"script" not in clean
    assert b"hidden" not in clean
    assert b"PK" not in clean[-20:]
    chunks = set()
    at = 8
    while at < len(clean):
        size, kind = struct.unpack_from(">I4s", clean, at)
        chunks.add(kind)
        at += size + 12
    assert chunks == {b"IHDR", b"IDAT", b"IEND"}


def test_oversized_file_is_refused_in_words() -> None:
    with pytest.raises(PictureUnfit, match=f"at most {MAX_UPLOAD_BYTES}"):
        prepare_icon(bytes(MAX_UPLOAD_BYTES + 1))


@pytest.mark.parametrize("size", [(1025, 1), (1, 1025), (2000, 2000)])
def test_oversized_picture_is_refused_in_words(size: tuple[int, int]) -> None:
    with pytest.raises(PictureUnfit, match="at most 1024 in each direction"):
        prepare_icon(picture(size=size, mode="1"))


def bomb(side: int) -> bytes:
    """Return a small PNG that says it has side times side pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes(64), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [5000, 12000, 100_000, 2**31 - 1])
def test_picture_that_unpacks_to_much_is_refused_before_it_is_unpacked(side: int) -> None:
    with pytest.raises(PictureUnfit):
        prepare_icon(bomb(side))


def test_picture_in_an_ico_is_refused_by_its_own_size_before_it_is_unpacked() -> None:
    inside = bomb(5000)
    index = struct.pack("<HHH4B2H2I", 0, 1, 1, 0, 0, 0, 0, 1, 32, len(inside), 22)
    with pytest.raises(PictureUnfit, match="5000 by 5000 pixels; at most 1024 in each direction"):
        prepare_icon(index + inside)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GIF89a",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n",
        b'<svg xmlns="http://www.w3.org/2000/svg"/>',
        b"MZ\x90\0",
        picture()[:60],
        bytes(1000),
    ],
    ids=["nothing", "cut", "postscript", "svg", "program", "half", "zeros"],
)
def test_what_is_no_picture_is_refused_in_words(data: bytes) -> None:
    with pytest.raises(PictureUnfit, match="no picture that can be read; send one as PNG"):
        prepare_icon(data)


@given(st.binary(max_size=200), st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"\0\0\1\0", b"BM"]))
def test_any_bytes_are_a_picture_or_refused(data: bytes, head: bytes) -> None:
    with contextlib.suppress(PictureUnfit):
        assert opened(prepare_icon(head + data)).size == (256, 256)


def test_each_size_is_made() -> None:
    master = prepare_icon(picture())
    for size in SIZES:
        assert opened(render_png(master, size)).size == (size, size)


def test_ico_holds_every_size() -> None:
    image = opened(render_ico(prepare_icon(picture())))
    assert image.info["sizes"] == {(size, size) for size in ICO_SIZES}


def test_kinds_of_resources_have_pictures_of_their_own() -> None:
    pictures = {drawn(kind) for kind in ApplicationGroupKind}
    assert len(pictures) == 2
    assert all(opened(each).size == (256, 256) for each in pictures)


def test_resource_has_its_own_icon_or_that_of_its_kind() -> None:
    assert usual_id(replace(DESKTOP, icon="abc")) == "abc"
    assert usual_id(DESKTOP) == "desktop"
    assert usual_id(replace(DESKTOP, remote_app=RemoteApp("||calc"))) == "remote-app"


@pytest.fixture
async def icons() -> MemoryIcons:
    directory = MemoryStore().directory
    await directory.save_tenant(Tenant(MAIN, "Main"))
    return MemoryIcons(directory)


async def test_kept_icon_is_fetched_in_every_form_and_from_its_tenant_alone(icons: MemoryIcons) -> None:
    icon = icon_of(MAIN, prepare_icon(picture()))
    await icons.save_icon(icon)
    pictures = Pictures(icons)

    assert opened(await pictures.png(MAIN, icon.id, 32) or b"").size == (32, 32)
    assert opened(await pictures.ico(MAIN, icon.id) or b"").format == "ICO"
    for id, tenant in ((icon.id, TenantId("other")), ("unknown", MAIN)):
        assert await pictures.png(tenant, id, 32) is None
        assert await pictures.ico(tenant, id) is None


async def test_size_that_is_none_of_ours_is_not_made(icons: MemoryIcons) -> None:
    assert await Pictures(icons).png(MAIN, "desktop", 4096) is None


async def test_picture_is_made_once(icons: MemoryIcons, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = Pictures(icons)
    first = await pictures.png(MAIN, "desktop", 48)
    assert await pictures.png(TenantId("other"), "desktop", 48) is first


def test_no_picture_of_others_is_in_the_package() -> None:
    import dialback.web.feed

    folder = Path(next(iter(dialback.web.feed.__path__)))
    assert {path.suffix for path in folder.iterdir() if path.is_file()} == {".py"}
