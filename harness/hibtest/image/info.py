"""The first page of an image: how many pages, and where the jump goes.

    struct swsusp_info (little endian), Linux kernel, kernel/power/power.h
    (v6.1 line 10, v6.12 line 11, v7.3 line 11), filled by init_header(), kernel/power/snapshot.c
    (v6.1 line 2086, v6.12 line 2186, v7.3 line 2180):

        400  u64  num_physpages  pages of the guest's memory that are present
        416  u64  image_pages    data pages in the stream
        424  u64  pages          all pages of the stream: this one, PFN pages, data pages
        432  u64  size           pages * 4096

    struct restore_data_record, which x86 lays over its begin, arch/x86/power/hibernate.c
    (v6.1 line 57, v6.12 line 57, v7.3 line 58): u64 each

        0 jump_address  8 jump_address_phys  16 cr3  24 magic  32 e820_checksum

x86 stores no kernel release here: which kernel wrote an image is not written down anywhere.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from hibtest.image.blocks import Pages
from hibtest.image.damage import Damaged
from hibtest.image.header import PAGE_SIZE

MAGIC = 0x23456789ABCDEF02  # RESTORE_MAGIC, arch/x86/power/hibernate.c (v6.1 to v7.3)
PFNS_PER_PAGE = PAGE_SIZE // 8

_RECORD = struct.Struct("<5Q")
_COUNTS = struct.Struct("<Qi4xQQQ")  # num_physpages, cpus (never set), image_pages, pages, size
_COUNTS_AT = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageInfo:
    """What the info page says.

    :ivar num_physpages: Pages of memory of the guest that was saved.
    :ivar image_pages: Data pages in the stream.
    :ivar pages: Pages of the stream: info page, PFN pages and data pages.
    :ivar size: Bytes of the stream.
    :ivar jump_address: Virtual address at which the saved kernel goes on: its
        ``restore_registers``.
    :ivar jump_address_phys: The same in physical memory.
    :ivar cr3: Physical address of the saved kernel's page table.
    :ivar magic: 0x23456789ABCDEF02.
    :ivar e820_checksum: CRC-32 of the firmware's memory map (:mod:`hibtest.image.e820`).
    """

    num_physpages: int
    image_pages: int
    pages: int
    size: int
    jump_address: int
    jump_address_phys: int
    cr3: int
    magic: int
    e820_checksum: int

    @property
    def meta_pages(self) -> int:
        """Pages of PFNs between the info page and the data."""
        return self.pages - self.image_pages - 1


def parse_info(page: Pages, block: int) -> ImageInfo:
    """Return what the info page says, once its numbers fit each other.

    :param page: 4096 bytes.
    :param block: Where the page lies, for messages.
    :raise Damaged: When it is no info page of an x86-64 kernel, or its numbers do not fit.
    """
    raw = page.tobytes()
    jump, phys, cr3, magic, e820 = _RECORD.unpack_from(raw)
    physpages, _cpus, image_pages, pages, size = _COUNTS.unpack_from(raw, _COUNTS_AT)
    info = ImageInfo(
        num_physpages=physpages,
        image_pages=image_pages,
        pages=pages,
        size=size,
        jump_address=jump,
        jump_address_phys=phys,
        cr3=cr3,
        magic=magic,
        e820_checksum=e820,
    )
    for field, what in _wrong(info):
        raise Damaged(what, field=field, block=block)
    return info


def _wrong(info: ImageInfo) -> Iterator[tuple[str, str]]:
    """Yield what does not fit, as field and words."""
    if info.magic != MAGIC:
        yield "magic", f"{info.magic:#x}, not the {MAGIC:#x} of an x86-64 image"
    if info.size != info.pages * PAGE_SIZE:
        yield "size", f"{info.size} for {info.pages} pages"
    if info.image_pages > info.num_physpages:
        yield "image_pages", f"{info.image_pages} of a memory of {info.num_physpages} pages"
    fewest, most = _pfn_pages(info.image_pages), _pfn_pages(info.num_physpages)
    if not fewest <= info.meta_pages <= most:
        what = f"{info.pages} leave {info.meta_pages} for PFNs, not {fewest} to {most}"
        yield "pages", what


def _pfn_pages(pfns: int) -> int:
    return -(-pfns // PFNS_PER_PAGE)
