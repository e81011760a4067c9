"""A LUKS2 device, opened with its passphrase and read through AES-XTS.

A header in two copies, each 4096 binary bytes and JSON behind them, leads to key slots. A slot,
encrypted under a key made of the passphrase, holds the volume key, split into stripes so that it
can be erased. LUKS2 On-Disk Format Specification 1.1.1, sections 2 and 3; the stripes: LUKS1
On-Disk Format Specification 1.2.3, section 2.4.
"""

import base64
import hashlib
import hmac
import struct
from dataclasses import dataclass, field
from typing import Annotated

import msgspec
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from hibtest.errors import SpecError
from hibtest.image import xts
from hibtest.image.blocks import Blocks
from hibtest.image.damage import Damaged
from hibtest.image.header import PAGE_SIZE

_BINARY = struct.Struct(">6sHQQ48s32s64s40s48sQ184s64s")
_SUM = 64  # bytes of a checksum, at the end of that
_MAGICS = (b"LUKS\xba\xbe", b"SKUL\xba\xbe")  # of the first copy, of the second
_SIZES = tuple(1 << n for n in range(14, 23))  # of a copy: 16 KiB to 4 MiB
_CIPHER = "aes-xts-plain64"
_FIELD = "LUKS2 header"
# What opening may cost, above cryptsetup's defaults: a header may be anybody's. Rounds of PBKDF2
# and KiB that Argon2 goes through, all slots together.
_MOST_ROUNDS, _MOST_SLOTS = 1 << 27, 32

_Place = Annotated[int, msgspec.Meta(ge=0, le=1 << 48)]  # a byte of the device
_KeySize = Annotated[int, msgspec.Meta(ge=32, le=64, multiple_of=32)]  # AES-128 and AES-256
_Rounds = Annotated[int, msgspec.Meta(ge=1, le=1 << 26)]


class _Pbkdf2(msgspec.Struct, tag_field="type", tag="pbkdf2"):
    salt: str
    hash: str
    iterations: _Rounds

    @property
    def cost(self) -> int:
        return self.iterations

    def derive(self, passphrase: bytes, size: int) -> bytes:
        salt = _bytes(self.salt)
        return hashlib.pbkdf2_hmac(self.hash, passphrase, salt, self.iterations, size)


class _Argon2id(msgspec.Struct, tag_field="type", tag="argon2id"):
    salt: str
    time: Annotated[int, msgspec.Meta(ge=1, le=64)]
    memory: Annotated[int, msgspec.Meta(ge=8, le=1 << 20)]  # KiB
    cpus: Annotated[int, msgspec.Meta(ge=1, le=16)]

    @property
    def cost(self) -> int:
        return self.time * self.memory

    def derive(self, passphrase: bytes, size: int) -> bytes:
        function = Argon2id(
            salt=_bytes(self.salt),
            length=size,
            iterations=self.time,
            lanes=self.cpus,
            memory_cost=self.memory,
        )
        return function.derive(passphrase)


class _Split(msgspec.Struct):
    stripes: Annotated[int, msgspec.Meta(ge=1, le=4000)]
    hash: str


class _Area(msgspec.Struct):
    offset: _Place
    size: _Place
    encryption: str
    key_size: _KeySize


class _Slot(msgspec.Struct):
    key_size: _KeySize
    kdf: _Pbkdf2 | _Argon2id
    af: _Split
    area: _Area


class _Segment(msgspec.Struct):
    type: str
    offset: _Place
    size: Annotated[str, msgspec.Meta(pattern="^(dynamic|[0-9]{1,15})$")]
    iv_tweak: _Place = 0
    encryption: str = ""
    sector_size: int = xts.SECTOR


class _Digest(msgspec.Struct):
    keyslots: tuple[str, ...]
    salt: str
    digest: str
    hash: str
    iterations: _Rounds

    def fits(self, key: bytes) -> bool:
        salt, wanted = _bytes(self.salt), _bytes(self.digest)
        found = hashlib.pbkdf2_hmac(self.hash, key, salt, self.iterations, len(wanted))
        return hmac.compare_digest(found, wanted)


class _Header(msgspec.Struct):
    keyslots: dict[str, _Slot]
    segments: dict[str, _Segment]
    digests: dict[str, _Digest]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decrypted(Blocks):
    """The blocks of an encrypted device.

    :ivar device: The one below.
    :ivar first: Its block at which block 0 lies.
    :ivar key: The volume key.
    :ivar sector_size: Bytes that are encrypted together.
    :ivar tweak: Number of the first sector, in 512 bytes.
    """

    device: Blocks
    first: int
    key: bytes = field(repr=False)
    sector_size: int
    tweak: int

    def is_hole(self, first: int, count: int) -> bool:
        """See :meth:`Blocks.is_hole`."""
        return self.device.is_hole(self.first + first, count)

    def read_run(self, memory: memoryview, first: int) -> None:
        """See :meth:`Blocks.read_run`."""
        self.device.read_run(memory, self.first + first)
        number = self.tweak + first * (PAGE_SIZE // xts.SECTOR)
        xts.decrypt(memory, self.key, number, self.sector_size)


def opened(device: Blocks, passphrase: bytes) -> Decrypted:
    """Open an encrypted device.

    :raise SpecError: When it is no LUKS2 device, no slot opens, or it is encrypted in a way that
        is not known here.
    :raise HostError: When the device cannot be read.
    :raise Damaged: When neither copy of its header is whole.
    """
    header = _header(device)
    if [segment.type for segment in header.segments.values()] != ["crypt"]:
        raise SpecError(f"{device.name}: not one encrypted segment, but {len(header.segments)}")
    (segment,) = header.segments.values()
    _require_known(device, segment)
    first, size = segment.offset // PAGE_SIZE, segment.size
    count = device.count - first if size == "dynamic" else int(size) // PAGE_SIZE
    if count <= 0 or first + count > device.count:
        raise Damaged(f"the data of {size} bytes at {segment.offset} end outside", field=_FIELD)
    return Decrypted(
        name=device.name,
        count=count,
        device=device,
        first=first,
        key=_volume_key(device, header, passphrase),
        sector_size=segment.sector_size,
        tweak=segment.iv_tweak,
    )


def _require_known(device: Blocks, segment: _Segment) -> None:
    if segment.encryption != _CIPHER:
        raise SpecError(f"{device.name}: encrypted by {segment.encryption}, read is {_CIPHER}")
    if segment.sector_size not in (512, 1024, 2048, 4096) or segment.offset % PAGE_SIZE:
        what = f"sectors of {segment.sector_size} bytes from byte {segment.offset} on"
        raise SpecError(f"{device.name}: {what}, which is not read")


def _header(device: Blocks) -> _Header:
    """Return the newer of the copies that are whole."""
    begins = (0, *_SIZES)
    found = [copy for at in begins if (copy := _copy(device, at, _MAGICS[at > 0]))]
    if not found:
        if not device.peek(0, 6) == _MAGICS[0]:
            raise SpecError(f"{device.name}: not a LUKS device")
        raise Damaged("neither copy has its checksum", field=_FIELD, block=0)
    _, text = max(found, key=lambda copy: copy[0])
    try:
        header = msgspec.convert(msgspec.json.decode(text), _Header, strict=False)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Damaged(str(error), field=_FIELD, block=1) from error
    _require_cheap(header)
    return header


def _require_cheap(header: _Header) -> None:
    """Check that no passphrase takes days."""
    slots, digests = header.keyslots.values(), header.digests.values()
    checked = sum(digest.iterations for digest in digests)  # of each slot's key
    rounds = sum(slot.kdf.cost + checked for slot in slots)
    if rounds > _MOST_ROUNDS or max(len(slots), len(digests)) > _MOST_SLOTS:
        what = f"{len(slots)} slots that take {rounds} rounds, more than anybody's"
        raise Damaged(what, field=_FIELD, block=1)


def _copy(device: Blocks, at: int, magic: bytes) -> tuple[int, bytes] | None:
    """Return the number and the JSON of a header's copy, if it is whole."""
    page = device.peek(at, PAGE_SIZE)
    if len(page) < PAGE_SIZE:
        return None
    fields = _BINARY.unpack_from(page)
    found, version, size, number, *_, algorithm, offset = (*fields[:4], fields[5], fields[9])
    if (found, version, offset) != (magic, 2, at) or size not in _SIZES:
        return None
    content = bytearray(device.peek(at, size))
    content[_BINARY.size - _SUM : _BINARY.size] = bytes(_SUM)
    try:
        digest = hashlib.new(algorithm.rstrip(b"\0").decode("ascii"), content).digest()
    except (ValueError, TypeError):
        return None
    whole = fields[11].startswith(digest)
    return (number, bytes(content[PAGE_SIZE:]).rstrip(b"\0")) if whole else None


def _volume_key(device: Blocks, header: _Header, passphrase: bytes) -> bytes:
    try:
        for name, slot in header.keyslots.items():
            key = _merged(_stripes(device, slot, passphrase), slot)
            if any(name in one.keyslots and one.fits(key) for one in header.digests.values()):
                return key
    except (ValueError, TypeError, OverflowError) as error:  # of hashes and costs that are none
        raise Damaged(str(error), field=_FIELD) from error
    raise SpecError(f"{device.name}: no key slot opens with that passphrase")


def _stripes(device: Blocks, slot: _Slot, passphrase: bytes) -> bytes:
    """Return what a slot holds: the volume key in stripes."""
    area, size = slot.area, slot.key_size * slot.af.stripes
    if area.encryption != _CIPHER or size > area.size:
        raise ValueError(f"a slot of {slot.af.stripes} stripes in {area.size} bytes")
    memory = bytearray(device.peek(area.offset, -(-size // xts.SECTOR) * xts.SECTOR))
    if len(memory) < size:
        raise ValueError(f"a slot at {area.offset}, where there is none")
    key = slot.kdf.derive(passphrase, area.key_size)
    xts.decrypt(memoryview(memory), key, 0, xts.SECTOR)
    return bytes(memory[:size])


def _merged(stripes: bytes, slot: _Slot) -> bytes:
    size, mixed = slot.key_size, 0
    parts = [stripes[at : at + size] for at in range(0, len(stripes), size)]
    for part in parts[:-1]:
        before = (mixed ^ int.from_bytes(part, "big")).to_bytes(size, "big")
        mixed = int.from_bytes(_diffused(before, slot.af.hash), "big")
    return (mixed ^ int.from_bytes(parts[-1], "big")).to_bytes(size, "big")


def _diffused(data: bytes, algorithm: str) -> bytes:
    width = hashlib.new(algorithm).digest_size
    parts = (data[at : at + width] for at in range(0, len(data), width))
    hashed = (
        hashlib.new(algorithm, number.to_bytes(4, "big") + part).digest()[: len(part)]
        for number, part in enumerate(parts)
    )
    return b"".join(hashed)


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
