"""Numbers of devices."""

import os
import struct
from pathlib import Path

from hibtest.linux import devices
from hibtest.linux.snapshot import swap_area


def test_a_number_is_written_as_the_kernel_writes_it() -> None:
    facts = Path("/dev/null").stat()
    assert devices.number(facts.st_rdev) == "1:3"
    assert devices.number(os.makedev(259, 0x1234)) == "259:4660"


def test_a_number_is_packed_as_the_kernel_takes_it() -> None:
    assert devices.encoded(os.makedev(254, 0x112)) == 0x10FE12
    assert devices.encoded(os.makedev(259, 0x1234)) == 0x12 << 20 | 259 << 8 | 0x34


def test_a_swap_area_is_packed_as_the_kernel_reads_it() -> None:
    assert swap_area(os.makedev(254, 16), 34816) == struct.pack("<q", 34816) + b"\x10\xfe\0\0"
