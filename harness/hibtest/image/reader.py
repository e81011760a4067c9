"""Opens a hibernation image and hands out its pages.

with open_image(Path("swap.raw")) as image:
    for chunk in image.chunks():
        compare(chunk.pfns, chunk.data)
    assert image.crc is None or image.crc.right
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from hibtest.errors import SpecError
from hibtest.evidence import SwapHeader
from hibtest.image import crc as checksum
from hibtest.image.blocks import Blocks, Feed, Numbers, Pages
from hibtest.image.crc import Crc
from hibtest.image.damage import Damaged
from hibtest.image.disk import open_disk
from hibtest.image.header import CRC32_MODE, LZ4, NOCOMPRESS_MODE, parse_header
from hibtest.image.info import ImageInfo, parse_info
from hibtest.image.pfns import PfnReader, Pfns
from hibtest.image.stream import PackedStream, RawStream, Stream, plain
from hibtest.image.swapmap import SwapMap, read_map

_SWAP = ("SWAPSPACE2", "SWAP-SPACE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Some data pages of an image.

    :ivar pfns: (n,) where in the guest's memory they belong.
    :ivar data: (n, 4096) what they hold.
    """

    pfns: Numbers
    data: Pages


class Image:
    """A hibernation image that is open for reading.

    Nothing of it is kept in memory but what is asked for.

    :ivar header: The swap's header page; ``None`` for a raw stream.
    :ivar info: The info page.
    :ivar counts: How many PFNs there are of data pages, and of pages that were all zero and have
        no data page (since 6.12).
    :ivar codec: ``lzo``, ``lz4`` or ``none``; for an image of the agent its codec.
    :ivar swap_map: Where it lies; ``None`` for a raw stream.
    :ivar crc: Once :meth:`chunks` has ended: the checksums; ``None`` when the image has none.
    """

    def __init__(
        self,
        *,
        info: ImageInfo,
        stream: Stream,
        codec: str,
        header: SwapHeader | None = None,
        swap_map: SwapMap | None = None,
    ) -> None:
        self.header = header
        self.info = info
        self.codec = codec
        self.swap_map = swap_map
        self.crc: Crc | None = None
        self._stream = stream
        reader = PfnReader(info)
        for _ in self._numbered(reader):
            pass
        self.counts = reader.finish()

    @cached_property
    def pfns(self) -> Numbers:
        """PFNs of the data pages, ascending, as they come in the stream; 8 bytes each."""
        return _joined(piece.data for piece in self.numbered())

    @cached_property
    def zero_pfns(self) -> Numbers:
        """PFNs of the pages that were all zero and have no data page (since 6.12)."""
        return _joined(piece.zero for piece in self.numbered())

    def numbered(self) -> Iterator[Pfns]:
        """Yield all PFNs, those of some pages at a time."""
        return self._numbered(PfnReader(self.info))

    def chunks(self) -> Iterator[Chunk]:
        """Yield every data page once, in order, some hundreds at a time.

        :raise Damaged: When a unit cannot be decompressed, or there are more or fewer pages than
            the info page says.
        """
        crc = 0
        skip, left = self.info.meta_pages, self.info.image_pages
        numbers = Feed(piece.data for piece in self.numbered())
        for part in self._stream.parts():
            crc = checksum.joined(crc, part.crc, len(part.pages))
            data = part.pages[skip:]
            skip -= min(skip, len(part.pages))
            left -= len(data)
            if left < 0:
                raise Damaged(f"{-left} pages or more behind the last one", field="pages")
            if len(data):
                yield Chunk(pfns=numbers.take(len(data)), data=data)
        if left:
            raise Damaged(f"{left} pages fewer than its info page says", field="pages")
        stored = self._stored_crc()
        self.crc = None if stored is None else Crc(stored=stored, computed=crc)

    def _stored_crc(self) -> int | None:
        if self.header is None or self.codec == "none" or not self.header.flags & CRC32_MODE:
            return None
        return self.header.crc32

    def _numbered(self, reader: PfnReader) -> Iterator[Pfns]:
        left = self.info.meta_pages
        if not left:
            return
        with closing(self._stream.head()) as head:
            for pages in head:
                yield reader.take(pages[:left])
                left -= min(left, len(pages))
                if not left:
                    return


def _joined(pieces: Iterator[Numbers]) -> Numbers:
    return np.concatenate([np.empty(0, np.int64), *pieces])


@contextmanager
def open_image(
    source: Path, *, offset_pages: int = 0, partition: int | None = None, consumed: bool = False
) -> Iterator[Image]:
    """Open the image that lies in a swap area.

    :param source: A disk: a raw or qcow2 file, or a block device.
    :param offset_pages: Block of the swap's header: 0, or a swap file's ``resume_offset``.
    :param partition: Number of the partition, from 1; ``None``: the whole disk.
    :param consumed: Also read an image whose signature is the swap's again: a resume puts it
        back and leaves all else, until the swap is used.
    :raise SpecError: When there is no image.
    :raise HostError: When the disk cannot be read.
    :raise Damaged: When the image cannot be read as it should be.
    """
    with open_disk(source, partition=partition) as device:
        yield read_image(device, offset_pages=offset_pages, consumed=consumed)


def read_image(device: Blocks, *, offset_pages: int, consumed: bool) -> Image:
    """Read all of an image but its data; see :func:`open_image`."""
    check_offset(device, offset_pages)
    page = device.read_one(offset_pages, "header")
    header = parse_header(page.tobytes())
    if not header.armed and not (consumed and was_consumed(header)):
        raise SpecError(
            f"{device.name}: no image: the signature is {header.sig!r}, not S1SUSPEND",
            hint="the image was resumed from, or never written",
        )
    if not header.image:
        raise Damaged("0 is no block of a swap map", field="image", block=offset_pages)
    swap_map = read_map(device, header.image, reserved=offset_pages)
    first = swap_map.block(0)
    info = parse_info(device.read_one(first, "info page"), first)
    pages = info.pages - 1
    codec = codec_of(header)
    stream: Stream
    if codec == "none":
        stream = plain(device, swap_map, pages)
    else:
        stream = PackedStream(device=device, swap_map=swap_map, pages=pages, codec=codec)
    return Image(header=header, info=info, stream=stream, codec=codec, swap_map=swap_map)


def codec_of(header: SwapHeader) -> str:
    """Return how an image is compressed: ``lzo``, ``lz4`` or ``none``."""
    if header.flags & NOCOMPRESS_MODE:
        return "none"
    return "lz4" if header.flags & LZ4 else "lzo"


def was_consumed(header: SwapHeader) -> bool:
    """Return whether a header looks as a resume leaves it: the swap's again, all else kept."""
    # the fields of a swap that never held an image are zero
    return bool(header.image) and header.sig == header.orig_sig and header.sig in _SWAP


def check_offset(device: Blocks, offset: int) -> None:
    """Check that a device has a block.

    :raise SpecError: When it has not.
    """
    if not device.count:
        raise SpecError(f"{device.name}: holds no image: not even a page of 4096 bytes")
    if not 0 <= offset < device.count:
        raise SpecError(
            f"{device.name}: begins at block {offset}, but there are {device.count}",
            hint="the disk is cut short, or the offset belongs to another disk",
        )


def read_stream(device: Blocks, *, offset_pages: int) -> Image:
    """Read an image as it comes from ``/dev/snapshot``, all but its data pages.

    :param offset_pages: Where the info page lies. What follows the stream does not matter.
    :raise Damaged: When the stream cannot be read as it should be.
    """
    check_offset(device, offset_pages)
    info = parse_info(device.read_one(offset_pages, "info page"), offset_pages)
    if offset_pages + info.pages > device.count:
        what = f"{info.pages}, but the file has {device.count - offset_pages} of them"
        raise Damaged(what, field="pages", block=offset_pages)
    stream = RawStream(device=device, first=offset_pages + 1, pages=info.pages - 1)
    return Image(info=info, stream=stream, codec="none")
