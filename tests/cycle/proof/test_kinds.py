"""What pages are used for, by struct pages that were made up."""

import numpy as np
from numpy.typing import NDArray

from hibtest.cycle.proof.kinds import KINDS, classify, kinds
from hibtest.machine.memory import GuestMemory, RamRange

POINTER = 0xFF11000012345600
UNMAPPED = 0xFFFFFFFF  # a map count of none


def _struct(
    *, flags: int = 0, head: int = 0, mapping: int = 0, page_type: int = UNMAPPED
) -> NDArray[np.uint64]:
    words = np.zeros(8, dtype=np.uint64)
    words[0], words[1], words[3], words[6] = flags, head, mapping, page_type
    return words


def _named(*structs: NDArray[np.uint64], old: bool = False) -> list[str]:
    return [KINDS[kind] for kind in classify(np.stack(structs), old=old)]


def test_pages_of_a_new_kernel() -> None:
    assert _named(
        _struct(page_type=0xF0000000),  # free
        _struct(mapping=POINTER | 1),
        _struct(mapping=POINTER),
        _struct(page_type=0xF5000000, mapping=POINTER),
        _struct(page_type=0xF2000000),
        _struct(flags=1 << 9),  # PG_slab of older ones
    ) == [
        "other kernel memory",
        "anonymous memory",
        "page cache",
        "slab",
        "page tables",
        "other kernel memory",
    ]


def test_pages_of_an_old_kernel() -> None:
    assert _named(
        _struct(page_type=0xFFFFFF7F),  # free
        _struct(flags=1 << 9, mapping=POINTER),
        _struct(page_type=0xFFFFFDFF),
        _struct(mapping=POINTER | 1),
        old=True,
    ) == ["other kernel memory", "slab", "page tables", "anonymous memory"]


def test_pages_behind_the_first_are_of_its_kind() -> None:
    assert _named(
        _struct(page_type=0xF5000000),
        _struct(head=POINTER | 1),
        _struct(head=POINTER | 1),
        _struct(),
    ) == ["slab", "slab", "slab", "other kernel memory"]


def test_the_map_is_read_piece_by_piece() -> None:
    pages = np.zeros((1024, 4096), dtype=np.uint8)
    memory = GuestMemory(pages, (RamRange(pfn=0, row=0, pages=1024),))
    structs = pages[512:].reshape(-1).view(np.uint64).reshape(-1, 8)
    structs[7] = _struct(mapping=POINTER | 1)
    found = kinds(memory, 0x10000000, lambda address: address - 0x10000000 + (512 << 12))
    assert found.names(np.array([7, 8, 1 << 30])) == [
        "anonymous memory",
        "other kernel memory",
        "memory of unknown use",
    ]


def test_an_old_kernel_is_known_by_its_free_pages() -> None:
    pages = np.zeros((1024, 4096), dtype=np.uint8)
    memory = GuestMemory(pages, (RamRange(pfn=0, row=0, pages=1024),))
    structs = pages[512:].reshape(-1).view(np.uint64).reshape(-1, 8)
    structs[8] = _struct(flags=1 << 9)
    structs[9] = _struct(page_type=0xFFFFFF7F)
    found = kinds(memory, 0, lambda address: address + (512 << 12))
    assert found.names(np.array([8])) == ["slab"]


def test_a_map_that_is_nowhere_tells_nothing() -> None:
    pages = np.zeros((16, 4096), dtype=np.uint8)
    memory = GuestMemory(pages, (RamRange(pfn=0, row=0, pages=16),))
    found = kinds(memory, 0, lambda _: None)
    assert found.names(np.array([1])) == ["memory of unknown use"]
