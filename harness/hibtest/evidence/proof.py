"""What the page-by-page comparison of a hibernation image with the guest's memory came to."""

from dataclasses import dataclass

from hibtest.evidence.tasks import RollCall


@dataclass(frozen=True, slots=True, kw_only=True)
class PageDifference:
    """A page that is not what it should be.

    :ivar pfn: Its page frame number.
    :ivar count: How many of its 4096 bytes differ.
    :ivar first: Offset of the first of them.
    :ivar expected: BLAKE2b (64 bits, hexadecimal) of the page as it should be.
    :ivar found: The same of the page as it is.
    :ivar what: What lies there, as far as can be told.
    :ivar how: What it holds instead, as far as can be told.
    :ivar explained: Whether all that differs is what the saving kernel itself writes on.
    """

    pfn: int
    count: int
    first: int
    expected: str
    found: str
    what: str = ""
    explained: bool = False
    how: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One comparison of many pages.

    :ivar pages: Pages with data that were compared.
    :ivar zeroes: Pages that must read as zero, compared as well.
    :ivar differ: How many pages differ, explained or not.
    :ivar unexplained: How many of them are not explained.
    :ivar differences: Some of them, the unexplained first.
    :ivar dump: Hexdump of the first unexplained difference, expected and found.
    :ivar seconds: How long it took.
    """

    pages: int
    zeroes: int = 0
    differ: int = 0
    unexplained: int = 0
    differences: tuple[PageDifference, ...] = ()
    dump: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFacts:
    """The image as it lies on the disk.

    :ivar codec: ``lzo``, ``lz4`` or ``none``.
    :ivar data_pages: Pages with data.
    :ivar zero_pages: Pages that are only flagged as zero (6.12 and newer).
    :ivar stored: Bytes on the disk, swap map not counted.
    :ivar crc_right: Whether the checksum is right; ``None`` when the image has none.
    """

    codec: str
    data_pages: int
    zero_pages: int
    stored: int
    crc_right: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Every page of RAM at the snapshot, in one of these.

    :ivar ram: Pages of RAM that the machine has.
    :ivar data: In the image, with data.
    :ivar zero: In the image, flagged as zero.
    :ivar free: Free pages, by the kernel's own list of them.
    :ivar copies: swsusp's own: the copies, the bitmaps.
    :ivar nosave: What is never saved: not RAM for the kernel, or marked nosave.
    :ivar lost: Pages that are in none of these: in use, and not saved.
    :ivar twice: Pages that are in the image and in one of the others.
    :ivar first: PFNs of the first that are lost or twice there.
    :ivar asked: How many pages an image was to have at most, by ``image_size``; ``None``: unknown.
    :ivar cache: How many pages of the image are page cache, tmpfs included.
    """

    ram: int
    data: int
    zero: int
    free: int
    copies: int
    nosave: int
    lost: int = 0
    twice: int = 0
    first: tuple[int, ...] = ()
    asked: int | None = None
    cache: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveProof:
    """Memory at the instant of the snapshot against the image on the disk.

    :ivar lacking: Why there is no comparison; empty when there is one.
    :ivar damage: What cannot be read of the image, block and field named; empty when all can.
    :ivar changed: Pages of the image that were written to again between the snapshot and the
        power-off.
    :ivar changed_kinds: What these are.
    :ivar stopped: Seconds for which the guest stood still.
    :ivar roll: The roll call at the snapshot; ``None`` in older evidence.
    """

    lacking: str = ""
    image: ImageFacts | None = None
    damage: str = ""
    view: View | None = None
    ledger: Ledger | None = None
    changed: int | None = None
    changed_kinds: dict[str, int] | None = None
    stopped: float = 0.0
    roll: RollCall | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskProof:
    """A disk at the instant of the snapshot against the same disk at the power-off.

    :ivar serial: Which disk.
    :ivar at_snapshot: A digest (hexadecimal) of all that it held.
    :ivar at_power_off: The same, later.
    :ivar differ: Pieces of 64 KiB that are not the same.
    :ivar first: Where the first of them begin, in bytes.
    :ivar seconds: For how long the guest stood still for it.
    :ivar files: What lies in those pieces, the last written first, as far as that could be told.
    """

    serial: str
    at_snapshot: str
    at_power_off: str
    differ: int = 0
    first: tuple[int, ...] = ()
    seconds: float = 0.0
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreProof:
    """Memory at the jump into the restored kernel.

    :ivar lacking: Why there is no comparison; empty when there is one.
    :ivar image: Against the image on the disk: nothing may differ.
    :ivar snapshot: Against the memory at the snapshot: as :attr:`SaveProof.view`.
    :ivar stopped: Seconds for which the guest stood still.
    """

    lacking: str = ""
    image: View | None = None
    snapshot: View | None = None
    stopped: float = 0.0
