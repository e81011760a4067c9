"""A logical volume of LVM2, found on its physical volume and read through its extents.

A label in one of the first four sectors leads to a metadata area, whose header leads to the text
that describes the volume group: lib/format_text/layout.h, lib/label/label.h (lvm2 2.03). Read is
what lies on one physical volume, in linear segments.
"""

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec

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
_FIRST_CRC = 0xF597A6CF
_MOST = 1 << 20  # bytes of a text; LVM's areas have 1 MiB
_DEEPEST = 16
_FIELD = "LVM2 metadata"
_TOKEN = re.compile(r'\s+|#[^\n]*|"(?:\\.|[^"\\])*"|[\w.+-]+|[={}\[\],]')

Section = dict[str, Any]
_Count = Annotated[int, msgspec.Meta(ge=0, le=1 << 40)]
_Some = Annotated[int, msgspec.Meta(ge=1, le=1 << 32)]


class _Unread(Exception):
    """It is laid out in a way that is not read here."""


class _Physical(msgspec.Struct):
    pe_start: _Count  # sectors


class _Group(msgspec.Struct):
    extent_size: _Some  # sectors
    physical_volumes: dict[str, _Physical]


class _Volume(msgspec.Struct):
    segment_count: Annotated[int, msgspec.Meta(ge=1, le=1 << 16)]


class _Segment(msgspec.Struct):
    start_extent: _Count
    extent_count: _Some
    type: str
    stripe_count: int = 0
    stripes: tuple[str, _Count] = ("", 0)


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
    try:
        section = Parser(_text(device)).section()
        if group not in section or name not in section[group]["logical_volumes"]:
            raise SpecError(f"{device.name}: there is no logical volume {group}/{name}")
        found = msgspec.convert(section[group], _Group)
        extents = tuple(_extents(found, section[group]["logical_volumes"][name]))
    except _Unread as error:
        raise SpecError(f"{device.name}: {group}/{name} is not read: {error}") from error
    except (msgspec.ValidationError, ValueError, TypeError, KeyError) as error:
        raise Damaged(f"{group}/{name}: {error}", field=_FIELD) from error
    count = sum(extent.count for extent in extents)
    if any(extent.below + extent.count > device.count for extent in extents):
        raise Damaged(f"{group}/{name} ends outside the device", field=_FIELD)
    return Extents(name=device.name, count=count, device=device, extents=extents)


def _extents(group: _Group, entry: Section) -> Iterator[Extent]:
    volume = msgspec.convert(entry, _Volume)
    if len(group.physical_volumes) != 1:
        raise _Unread(f"it has {len(group.physical_volumes)} physical volumes")
    (physical,) = group.physical_volumes.values()
    size, begin, end = group.extent_size * _SECTOR, physical.pe_start * _SECTOR, 0
    if size % PAGE_SIZE or begin % PAGE_SIZE:
        raise _Unread(f"extents of {size} bytes from byte {begin} on")
    blocks = size // PAGE_SIZE
    for number in range(1, volume.segment_count + 1):
        segment = msgspec.convert(entry[f"segment{number}"], _Segment)
        if (segment.type, segment.stripe_count) != ("striped", 1):  # as a linear one is written
            raise _Unread(f"a segment of type {segment.type}, {segment.stripe_count} stripes")
        if segment.start_extent != end:
            raise ValueError(f"segment {number} begins at {segment.start_extent}, not at {end}")
        end += segment.extent_count
        below = begin // PAGE_SIZE + segment.stripes[1] * blocks
        first = segment.start_extent * blocks
        yield Extent(first=first, below=below, count=segment.extent_count * blocks)


def _text(device: Blocks) -> str:
    for area in _areas(device):
        header = device.peek(area.start, _SECTOR)
        if len(header) == _SECTOR and _AREA.unpack_from(header)[1] == _MAGIC:
            offset, size, crc, _ = _TEXT.unpack_from(header, _WHERE_TEXT)
            text = _around(device, area, offset, size)
            if _crc(text) != crc:
                raise Damaged(f"the text's CRC is {_crc(text):#x}, not {crc:#x}", field=_FIELD)
            return text.rstrip(b"\0").decode("ascii", "replace")
    raise Damaged("the label leads to no metadata", field=_FIELD)


def _around(device: Blocks, area: _Area, offset: int, size: int) -> bytes:
    """Return a text that goes on behind the area's header when it comes to the area's end."""
    if not _SECTOR <= offset < area.size or not 0 < size <= min(_MOST, area.size - _SECTOR):
        raise Damaged(f"{size} bytes at {offset} of an area of {area.size}", field=_FIELD)
    end = min(size, area.size - offset)
    return device.peek(area.start + offset, end) + device.peek(area.start + _SECTOR, size - end)


def _crc(text: bytes) -> int:
    """Return LVM's CRC-32, which begins with another number: lib/misc/crc.c (lvm2 2.03)."""
    return zlib.crc32(text, _FIRST_CRC ^ 0xFFFFFFFF) ^ 0xFFFFFFFF


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
