"""Reading a kernel's structures out of memory that was made up."""

import pytest

from hibtest.cycle.proof.kernel import KernelMemory, Places, Space
from hibtest.errors import GuestError
from tests.cycle.kernels import OFFSET, Ram
from tests.image.writer import PAGE

ZONE, LEAF, HEAD = 0x1000, 0x2000, 0x3000  # physical


class Bench(Ram):
    """16 pages of RAM, and a kernel in it."""

    def __init__(self) -> None:
        super().__init__(16)
        self.kernel = KernelMemory(self.memory, Space())

    def zone(self, *, start: int, end: int, leaves: int) -> None:
        """One zone with its leaves; the bits of leaf n are page 8 + n."""
        chain = {LEAF + 64 * n: (8 + n) * PAGE for n in range(leaves)}
        self.bitmap(HEAD, zone=ZONE, start=start, end=end, leaves=chain)


def test_the_bits_of_a_zone_are_page_frame_numbers() -> None:
    bench = Bench()
    bench.zone(start=0x10, end=0x10 + 40000, leaves=2)
    bench.bytes[8, 0] = 0b101
    bench.bytes[8, 4095] = 0b10000000
    bench.bytes[9, 1] = 1
    found = bench.kernel.bitmap(OFFSET + HEAD)
    assert found.tolist() == [0x10, 0x12, 0x10 + 32767, 0x10 + 32768 + 8]


def test_bits_beyond_the_zone_do_not_count() -> None:
    bench = Bench()
    bench.zone(start=0, end=4, leaves=1)
    bench.bytes[8, 0] = 0xFF
    assert bench.kernel.bitmap(OFFSET + HEAD).tolist() == [0, 1, 2, 3]


def test_a_bitmap_with_nothing_in_it_is_empty() -> None:
    bench = Bench()
    bench.zone(start=0, end=0, leaves=0)
    assert len(bench.kernel.bitmap(OFFSET + HEAD)) == 0


def test_a_list_that_leads_nowhere_is_said() -> None:
    bench = Bench()
    bench.words(HEAD, OFFSET + (1 << 40))
    with pytest.raises(GuestError, match="none of its RAM"):
        bench.kernel.bitmap(OFFSET + HEAD)


def test_a_list_without_an_end_is_said() -> None:
    bench = Bench()
    bench.words(HEAD, OFFSET + ZONE)
    bench.words(ZONE, OFFSET + ZONE, 0, 0, 0, OFFSET + ZONE + 32)
    with pytest.raises(GuestError, match="no end"):
        bench.kernel.bitmap(OFFSET + HEAD)


def test_the_kernels_image_is_where_it_was_moved_to() -> None:
    space = Space(phys_base=(1 << 64) - 0x24000000)
    assert space.physical(0xFFFFFFFFB2E00000) == 0x0EE00000
    assert space.physical(OFFSET + 0x1234) == 0x1234


@pytest.mark.parametrize("extents", [[], [[0, 0]], [[1, 2], [3, 4]]])
def test_a_symbol_that_is_not_told_is_the_guests_lack(extents: list[list[int]]) -> None:
    places = Places.of({"symbols": {"orig_bm": extents}})
    with pytest.raises(GuestError, match="symbols orig_bm"):
        places.address("orig_bm")
