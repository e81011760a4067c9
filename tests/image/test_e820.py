"""Memory maps out of console logs, checksums against what a kernel stored."""

import pytest

from hibtest.errors import SpecError
from hibtest.image.e820 import checksum, log_checksums

# a guest of 512 MiB, as 6.12 and 7.3 print it; both stored this checksum in their images
STORED = 2120778694
OLD = """\
[    0.000000] BIOS-provided physical RAM map:
[    0.000000] BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable
[    0.000000] BIOS-e820: [mem 0x000000000009fc00-0x000000000009ffff] reserved
[    0.000000] BIOS-e820: [mem 0x00000000000f0000-0x00000000000fffff] reserved
[    0.000000] BIOS-e820: [mem 0x0000000000100000-0x000000001ffd3fff] usable
[    0.000000] BIOS-e820: [mem 0x000000001ffd4000-0x000000001fffffff] reserved
[    0.000000] BIOS-e820: [mem 0x00000000b0000000-0x00000000bfffffff] reserved
[    0.000000] BIOS-e820: [mem 0x00000000fed1c000-0x00000000fed1ffff] reserved
[    0.000000] BIOS-e820: [mem 0x00000000fffc0000-0x00000000ffffffff] reserved
[    0.000000] BIOS-e820: [mem 0x000000fd00000000-0x000000ffffffffff] reserved
[    0.000000] NX (Execute Disable) protection: active
"""
NEW = (
    OLD.replace("] usable", "]  System RAM")
    .replace("] reserved", "]  device reserved")
    .replace("NX", "BIOS-e820: [gap 0x00000000000a0000-0x00000000000effff]\nNX")
)


@pytest.mark.parametrize("log", [OLD, NEW, OLD.replace("\n", "\r\n"), OLD + OLD, OLD + NEW])
def test_checksum_is_the_one_that_kernels_store(log: str) -> None:
    assert log_checksums(log) == {STORED}


@pytest.mark.parametrize(
    ("right", "garbled"),
    [
        ("0x00000000fed1ffff", "0x00000000ffed1ffff"),
        ("BIOS-e820: [mem 0x0000000000100000", "BIOS--e820: [meem 0x00000000000100000"),
        ("fffc0000-0x", "fffc0000-0xx"),
        ("000fffff] reserved", "000fffff] rreserved"),
    ],
)
def test_characters_printed_twice(right: str, garbled: str) -> None:
    assert STORED in log_checksums(OLD.replace(right, garbled))


def test_other_memory_has_another_checksum() -> None:
    assert STORED not in log_checksums(OLD.replace("1ffd3fff", "2ffd3fff"))


def test_empty_table() -> None:
    assert checksum([]) == 0x2144DF1C  # CRC-32 of four zero bytes


@pytest.mark.parametrize(
    ("log", "message"),
    [
        ("", "no BIOS-e820 lines"),
        (OLD.replace("usable", "useful"), "cannot be read"),
        (OLD.replace("0x00000000fed1ffff", "0x00000000fed"), "cannot be read"),
        (OLD.replace("0x0", "0x00"), "too garbled"),
    ],
)
def test_logs_that_tell_nothing(log: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        log_checksums(log)
