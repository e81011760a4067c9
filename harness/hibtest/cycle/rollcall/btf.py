"""BTF: what a kernel says of its own structures, and where their members lie.

Kernels with CONFIG_DEBUG_INFO_BTF carry it in their read-only data (Documentation/bpf/btf.rst and
include/uapi/linux/btf.h, v6.1 to v7.3):

    header  u16 magic, u8 version, u8 flags, u32 header length, then from its end on
            u32 offset and length of the types, u32 offset and length of the strings
    type    u32 name, u32 info (bits 0-15 count, 24-28 kind, 31 flag), u32 size or type, more
    member  u32 name, u32 type, u32 offset in bits (with the flag: bits 0-23)
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from hibtest.errors import GuestError

_HEADER = struct.Struct("<HBBIIIII")
_TYPE = struct.Struct("<III")
_MEMBER = struct.Struct("<III")
_MAGIC = 0xEB9F

_AGGREGATES = (4, 5)  # STRUCT, UNION
_TRANSPARENT = (8, 9, 10)  # TYPEDEF, VOLATILE, CONST
# Bytes that follow a type, by its kind: a fixed number, or so many for each of its members.
_FIXED = {1: 4, 3: 12, 14: 4, 17: 4}  # INT, ARRAY, VAR, DECL_TAG
_EACH = {4: 12, 5: 12, 6: 8, 13: 8, 15: 12, 19: 12}  # ..., ENUM, FUNC_PROTO, DATASEC, ENUM64
_KINDS = 20
_DEEPEST = 64  # structures without a name in one that are searched, and names for a type


class _Type(NamedTuple):
    """A type: its name, kind, how many members it has, where the first is."""

    name: int
    kind: int
    length: int
    flag: bool
    members: int
    size: int


class Btf:
    """The types of a kernel.

    :raise GuestError: When the data is none.
    """

    def __init__(self, data: bytes) -> None:
        try:
            magic, _, _, length, types, size, strings, strings_size = _HEADER.unpack_from(data)
        except struct.error as error:
            raise GuestError(f"the guest kernel's BTF has {len(data)} bytes") from error
        if magic != _MAGIC:
            raise GuestError(f"the guest kernel's BTF begins with {magic:#06x}, not {_MAGIC:#06x}")
        self._data = data
        self._types = (length + types, length + types + size)
        self._strings = data[length + strings : length + strings + strings_size]
        self._starts = self._walk()
        self._known: dict[str, int] = {}

    def offset(self, structure: str, member: str) -> int:
        """Return at which byte of a structure a member begins.

        :param member: Also one of a structure without a name in it, or ``a.b``.
        :raise GuestError: When there is no such structure, or no such member.
        """
        number, bits = self._structure(structure), 0
        for name in member.split("."):
            found = self._member(number, name.encode(), set())
            if found is None:
                raise GuestError(f"the guest kernel's struct {structure} has no member {member}")
            number, bits = found[0], bits + found[1]
        return bits // 8

    def size(self, structure: str) -> int:
        """Return how many bytes a structure has.

        :raise GuestError: When there is none of that name.
        """
        return self._type(self._structure(structure)).size

    def _walk(self) -> list[int]:
        """Return where each type begins; number 0 is void."""
        data, (at, end) = self._data, self._types
        starts, unpack = [0], _TYPE.unpack_from
        while at + _TYPE.size <= min(end, len(data)):
            starts.append(at)
            _, info, _ = unpack(data, at)
            kind = info >> 24 & 0x1F
            if kind >= _KINDS:
                raise GuestError(f"the guest kernel's BTF has a type of kind {kind}")
            at += _TYPE.size + _FIXED.get(kind, 0) + _EACH.get(kind, 0) * (info & 0xFFFF)
        if at != end or end > len(data):
            raise GuestError("the guest kernel's BTF ends amid a type")
        return starts

    def _type(self, number: int) -> _Type:
        if not 0 < number < len(self._starts):
            raise GuestError(f"the guest kernel's BTF has no type {number}")
        at = self._starts[number]
        name, info, size = _TYPE.unpack_from(self._data, at)
        kind, flag = info >> 24 & 0x1F, bool(info >> 31)
        return _Type(name, kind, info & 0xFFFF, flag, at + _TYPE.size, size)

    def _structure(self, name: str) -> int:
        if name not in self._known:
            self._known[name] = self._found(name)
        return self._known[name]

    def _found(self, name: str) -> int:
        wanted = self._strings.find(b"\0" + name.encode() + b"\0") + 1
        unpack, data = _TYPE.unpack_from, self._data
        for number, at in enumerate(self._starts) if wanted else ():
            if number and unpack(data, at)[0] == wanted:
                found = self._type(number)
                if found.kind in _AGGREGATES and found.length:
                    return number
        raise GuestError(f"the guest kernel's BTF has no struct {name}")

    def _member(self, number: int, name: bytes, searched: set[int]) -> tuple[int, int] | None:
        """Return a member's type and its offset in bits."""
        searched.add(number)
        for member, kind, offset in self._members(number):
            if self._is(member, name):
                return self._plain(kind), offset
        for member, kind, offset in self._members(number):
            inner = self._plain(kind)
            if member or inner in searched or len(searched) > _DEEPEST:
                continue
            if self._type(inner).kind in _AGGREGATES:
                found = self._member(inner, name, searched)
                if found is not None:
                    return found[0], offset + found[1]
        return None

    def _members(self, number: int) -> Iterator[tuple[int, int, int]]:
        """Yield name, type and offset in bits of each member of a structure."""
        found = self._type(number)
        if found.kind not in _AGGREGATES:
            return
        for index in range(found.length):
            at = found.members + index * _MEMBER.size
            name, kind, offset = _MEMBER.unpack_from(self._data, at)
            yield name, kind, offset & 0xFFFFFF if found.flag else offset

    def _is(self, at: int, name: bytes) -> bool:
        return self._strings[at : at + len(name) + 1] == name + b"\0"

    def _plain(self, number: int) -> int:
        """Return a type without const, volatile and typedef."""
        for _ in range(_DEEPEST):
            if not number:
                return number
            found = self._type(number)
            if found.kind not in _TRANSPARENT:
                return number
            number = found.size
        return number
