"""A logical volume of LVM2, found on its physical volume and read through its extents.

A label in one of the first four sectors leads to a metadata area, whose header leads to the text
that describes the volume group: lib/format_text/layout.h, lib/label/label.h (lvm2 2.03). Read is
what lies on one physical volume, in linear segments.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hibtest.errors import SpecError
from hibtest.image.blocks import Blocks
from hibtest.image.damage import Damaged
from hibtest.image.extents import Extent, Extents
from hibtest.image.header import PAGE_SIZE

_SECTOR = 512
_LABEL = struct.Struct("<8sQII8s")  # id, sector, crc, offset of what follows, type
_AREA = struct.Struct("<I16sIQQ")  # crc, magic, version, start, size
_TEXT = struct.Struct("<QQII")  # offset, size, crc, flags
_PLACE = struct.Struct("<QQ")  # offset, size
_UUID = 32
_MAGIC = b" LVM2 x[5A%r0N*>"
_WHERE_TEXT = 40  # in the area's header
_MOST = 1 << 20  # bytes of a text; LVM's areas have 1 MiB
_DEEPEST = 16
_FIELD = "LVM2 metadata"
_TOKEN = re.compile(r'\s+|#[^\n]*|"(?:\\.|[^"\\])*"|[\w.+-]+|[={}\[\],]')

Section = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Area:
    start: int
    size: int


def volume(device: Blocks, group: str, name: str) -> Extents:
    """Return a logical volume.

    :param device: Its physical volume.
    :raise SpecError: When there is no such volume, or it is laid out in a way that is not known
        here.
    :raise HostError: When the device cannot be read.
    :raise Damaged: When what describes it is not as it should be.
    """
    text = _text(device)
    try:
        found = Parser(text).section()[group]
        entry = found["logical_volumes"][name]
        size = int(found["extent_size"]) * _SECTOR
        (physical,) = found["physical_volumes"].values()
        extents = tuple(_extents(entry, size, int(physical["pe_start"]) * _SECTOR))
    except KeyError as error:
        raise SpecError(f"{device.name}: no logical volume {group}/{name}: no {error}") from error
    except (ValueError, TypeError) as error:
        raise SpecError(f"{device.name}: {group}/{name} is not read: {error}") from error
    count = sum(extent.count for extent in extents)
    for extent in extents:
        if extent.below + extent.count > device.count:
            raise Damaged(f"{group}/{name} ends outside the device", field=_FIELD)
    return Extents(name=device.name, count=count, device=device, extents=extents)


def _extents(entry: Section, size: int, begin: int) -> Iterator[Extent]:
    if size % PAGE_SIZE or begin % PAGE_SIZE:
        raise ValueError(f"extents of {size} bytes from byte {begin} on")
    blocks = size // PAGE_SIZE
    for number in range(1, int(entry["segment_count"]) + 1):
        segment = entry[f"segment{number}"]
        kind, stripes = segment["type"], segment.get("stripe_count", 0)
        if (kind, stripes) != ("striped", 1):  # as a linear segment is written
            raise ValueError(f"a segment of type {kind}, {stripes} stripes")
        first = int(segment["start_extent"]) * blocks
        below = begin // PAGE_SIZE + int(segment["stripes"][1]) * blocks
        yield Extent(first=first, below=below, count=int(segment["extent_count"]) * blocks)


def _text(device: Blocks) -> str:
    for area in _areas(device):
        header = device.peek(area.start, _SECTOR)
        if len(header) == _SECTOR and _AREA.unpack_from(header)[1] == _MAGIC:
            offset, size, *_ = _TEXT.unpack_from(header, _WHERE_TEXT)
            return _around(device, area, offset, size)
    raise Damaged("the label leads to no metadata", field=_FIELD)


def _around(device: Blocks, area: _Area, offset: int, size: int) -> str:
    """Return a text that goes on behind the area's header when it comes to the area's end."""
    if not _SECTOR <= offset < area.size or not 0 < size <= min(_MOST, area.size - _SECTOR):
        raise Damaged(f"{size} bytes at {offset} of an area of {area.size}", field=_FIELD)
    end = min(size, area.size - offset)
    text = device.peek(area.start + offset, end) + device.peek(area.start + _SECTOR, size - end)
    return text.rstrip(b"\0").decode("ascii", "replace")


def _areas(device: Blocks) -> Iterator[_Area]:
    """Yield the metadata areas of a physical volume."""
    for sector in range(4):
        label = device.peek(sector * _SECTOR, _SECTOR)
        if len(label) < _SECTOR:
            break
        magic, number, _, offset, kind = _LABEL.unpack_from(label)
        if (magic, number, kind) == (b"LABELONE", sector, b"LVM2 001"):
            at = offset + _UUID + 8  # behind its UUID and its size: places of data, an empty one
            behind = at + (1 + len(list(_places(label, at)))) * _PLACE.size
            yield from _places(label, behind)
            return
    raise SpecError(f"{device.name}: not a physical volume of LVM2")


def _places(label: bytes, at: int) -> Iterator[_Area]:
    while at + _PLACE.size <= len(label):
        start, size = _PLACE.unpack_from(label, at)
        if not start:
            return
        yield _Area(start=start, size=size)
        at += _PLACE.size


class Parser:
    """LVM's configuration text: sections in braces, and numbers, words and lists in them."""

    def __init__(self, text: str) -> None:
        pieces = (match[0] for match in _TOKEN.finditer(text))
        self._tokens = [piece for piece in pieces if not piece[0].isspace() and piece[0] != "#"]
        self._at = 0

    def section(self, depth: int = 0) -> Section:
        """Return what stands up to the section's end.

        :raise ValueError: When it is none.
        """
        found: Section = {}
        if depth > _DEEPEST:
            raise ValueError(f"sections {depth} deep")
        while self._at < len(self._tokens) and (name := self._next()) != "}":
            match self._next():
                case "{":
                    found[name] = self.section(depth + 1)
                case "=":
                    found[name] = self._value()
                case other:
                    raise ValueError(f"{other!r} behind {name!r}")
        return found

    def _value(self) -> Any:
        piece = self._next()
        if piece != "[":
            return _plain(piece)
        values = []
        while (piece := self._next()) != "]":
            if piece != ",":
                values.append(_plain(piece))
        return values

    def _next(self) -> str:
        if self._at >= len(self._tokens):
            raise ValueError("its text is cut")
        self._at += 1
        return self._tokens[self._at - 1]


def _plain(piece: str) -> str | int:
    return piece[1:-1] if piece.startswith('"') else int(piece)
