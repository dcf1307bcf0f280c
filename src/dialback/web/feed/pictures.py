"""Pictures: what an administrator uploads is checked and drawn anew; what clients fetch is made of that.

A file that is uploaded is hostile until Pillow has made pixels of it: formats are named one by one, and size
in bytes and in pixels is looked at before anything is unpacked. What is kept is a PNG of 256 by 256 pixels
that we wrote, so nothing of the file's own structure survives. Each smaller size, and the `.ico` with all of
them, is made when it is first asked for and kept in a cache of bounded size.

Resources without a picture of their own get one that is drawn here. What is left out: pictures that move, of
which the first is taken.
"""

import asyncio
import io
from collections.abc import Callable
from functools import cache
from typing import Final

from PIL import Image, ImageDraw
from PIL.IcoImagePlugin import IcoFile

from dialback.domain.catalog import ApplicationGroupKind, PublishedResource
from dialback.domain.errors import Problem
from dialback.domain.icons import Icons
from dialback.domain.ids import TenantId
from dialback.web.feed.bounded import BoundedCache

SIZES: Final = (16, 32, 48, 64, 100, 256)
ICO_SIZES: Final = (16, 32, 48, 64, 256)
MASTER: Final = 256
MAX_UPLOAD_BYTES: Final = 256 * 1024
MAX_UPLOAD_PIXELS: Final = 1024
"""In each direction."""
CACHE_BYTES: Final = 32 << 20

_FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP")
_ICO_MAGIC = b"\0\0\1\0"
_BLUE, _DARK, _LIGHT, _WHITE = "#2563eb", "#1e3a8a", "#dbeafe", "#ffffff"


class PictureUnfit(Problem):
    """An uploaded picture cannot be used; the message says what would do."""


def prepare_icon(data: bytes) -> bytes:
    """Return the uploaded picture as the PNG that is kept: square, 256 pixels, with transparency.

    It takes some milliseconds of one core.

    Raises:
        PictureUnfit: the file or the picture is too large, or it is no picture of a known format.
    """
    if len(data) > MAX_UPLOAD_BYTES:
        raise PictureUnfit(f"the icon has {len(data)} bytes; at most {MAX_UPLOAD_BYTES} are taken")
    try:
        with _opened(data) as image:
            _check_size(image)
            return _png(_square(image.convert("RGBA")))
    except PictureUnfit:
        raise
    # Pillow's plugins raise whatever their parsers stumble over.
    except Exception as error:
        names = ", ".join([*_FORMATS, "ICO"])
        raise PictureUnfit(f"the icon is no picture that can be read; send one as {names}") from error


def usual_id(resource: PublishedResource) -> str:
    """Return the id of the resource's icon, or of the one that resources of its kind have."""
    return resource.icon or resource.kind.value


def render_png(master: bytes, size: int) -> bytes:
    """Return the kept picture as a PNG of that many pixels."""
    with Image.open(io.BytesIO(master), formats=("PNG",)) as image:
        return _png(image.convert("RGBA").resize((size, size), Image.Resampling.LANCZOS))


def render_ico(master: bytes) -> bytes:
    """Return the kept picture as an `.ico` with all its sizes inside, each as PNG."""
    out = io.BytesIO()
    with Image.open(io.BytesIO(master), formats=("PNG",)) as image:
        image.convert("RGBA").save(out, "ICO", sizes=[(size, size) for size in ICO_SIZES])
    return out.getvalue()


@cache
def drawn(kind: ApplicationGroupKind) -> bytes:
    """Return the picture of resources that have none of their own."""
    # Drawn at four times the size: what is made smaller has smooth edges.
    image = Image.new("RGBA", (4 * MASTER, 4 * MASTER))
    draw = ImageDraw.Draw(image)
    (_draw_desktop if kind is ApplicationGroupKind.DESKTOP else _draw_app)(draw)
    return _png(image.resize((MASTER, MASTER), Image.Resampling.LANCZOS))


class Pictures:
    """Icons as clients fetch them; `Icons` is where the kept ones are."""

    def __init__(self, icons: Icons) -> None:
        self._icons = icons
        self._made = BoundedCache[tuple[TenantId | None, str, int], bytes](CACHE_BYTES, len)

    async def png(self, tenant: TenantId, id: str, size: int) -> bytes | None:
        """Return the icon in one of `SIZES`; None if the tenant has none of that id."""
        if size not in SIZES:
            return None
        return await self._make(tenant, id, size, lambda master: render_png(master, size))

    async def ico(self, tenant: TenantId, id: str) -> bytes | None:
        """Return the icon as an `.ico`; None if the tenant has none of that id."""
        return await self._make(tenant, id, 0, render_ico)

    async def _make(
        self, tenant: TenantId, id: str, size: int, make: Callable[[bytes], bytes]
    ) -> bytes | None:
        usual = id in set(ApplicationGroupKind)
        key = (None if usual else tenant, id, size)
        if (made := self._made.get(key)) is not None:
            return made
        master = await self._usual(id) if usual else await self._kept(tenant, id)
        if master is None:
            return None
        made = await asyncio.to_thread(make, master)
        self._made.put(key, made)
        return made

    async def _usual(self, id: str) -> bytes:
        return await asyncio.to_thread(drawn, ApplicationGroupKind(id))

    async def _kept(self, tenant: TenantId, id: str) -> bytes | None:
        icon = await self._icons.icon(tenant, id)
        return icon.png if icon else None


def _opened(data: bytes) -> Image.Image:
    """Return the picture, of an `.ico` the largest, before its pixels are unpacked."""
    if data.startswith(_ICO_MAGIC):
        # Pillow unpacks an `.ico` while it opens it: what its index says may be less than what is inside.
        return IcoFile(io.BytesIO(data)).frame(0)
    return Image.open(io.BytesIO(data), formats=_FORMATS)


def _check_size(image: Image.Image) -> None:
    if max(image.size) > MAX_UPLOAD_PIXELS:
        width, height = image.size
        raise PictureUnfit(
            f"the icon has {width} by {height} pixels; "
            f"at most {MAX_UPLOAD_PIXELS} in each direction are taken"
        )


def _square(image: Image.Image) -> Image.Image:
    """Return the picture in the middle of a transparent square of the kept size."""
    factor = MASTER / max(image.size)
    width, height = (max(1, round(side * factor)) for side in image.size)
    canvas = Image.new("RGBA", (MASTER, MASTER))
    canvas.paste(
        image.resize((width, height), Image.Resampling.LANCZOS),
        ((MASTER - width) // 2, (MASTER - height) // 2),
    )
    return canvas


def _png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    # The pixels alone: no profile, no text, nothing else that the picture carried.
    clean = Image.frombytes("RGBA", image.size, image.tobytes())
    clean.save(out, "PNG")
    return out.getvalue()


def _draw_desktop(draw: ImageDraw.ImageDraw) -> None:
    draw.rounded_rectangle((64, 128, 960, 736), 64, fill=_DARK)
    draw.rounded_rectangle((112, 176, 912, 688), 32, fill=_BLUE)
    draw.polygon([(112, 600), (420, 340), (640, 540), (740, 460), (912, 610), (912, 688), (112, 688)], _LIGHT)
    draw.rectangle((432, 736, 592, 848), fill=_DARK)
    draw.rounded_rectangle((288, 832, 736, 912), 40, fill=_DARK)


def _draw_app(draw: ImageDraw.ImageDraw) -> None:
    draw.rounded_rectangle((96, 128, 928, 896), 72, fill=_DARK)
    draw.rounded_rectangle((144, 304, 880, 848), 32, fill=_WHITE)
    for left in (176, 272, 368):
        draw.ellipse((left, 184, left + 64, 248), fill=_LIGHT)
    for top, right in ((392, 800), (512, 704), (632, 752)):
        draw.rounded_rectangle((224, top, right, top + 56), 28, fill=_BLUE)
