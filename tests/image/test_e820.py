"""Memory maps out of console logs, checksums against what a kernel stored."""

import pytest

from hibtest.errors import SpecError
from hibtest.image.e820 import checksum, log_checksums, log_map

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


LAST = "[    0.000000] BIOS-e820: [mem 0x0000010000000000-0x0000010000002fff] "


@pytest.mark.parametrize(
    ("words", "number"),
    [
        ("type 20", 20),
        (" type 20", 20),  # 7.3
        ("type 4026531840", 0xF0000000),
        ("type 0", 0),
        ("ttype  22", 22),
        ("persistent (type 12)", 12),
        (" persistent RAM (type 7)", 7),
        ("soft reserved", 0xEFFFFFFF),
    ],
)
def test_a_type_of_any_number_counts_like_any_other(words: str, number: int) -> None:
    entries = [line[0] for line in log_map(OLD).entries]
    assert checksum(entries) == STORED
    expected = checksum([*entries, (0x10000000000, 0x3000, number)])
    assert expected in log_checksums(f"{OLD}{LAST}{words}\n")


def test_a_number_is_read_as_it_stands_first() -> None:
    *_, last = log_map(f"{OLD}{LAST}type 22\n").entries
    assert [kind for _, _, kind in last] == [22, 2]


OLDER = """\
 BIOS-e820: 0000000000000000 - 000000000009fc00 (usable)
 BIOS-e820: 000000000009fc00 - 00000000000a0000 (reserved)
 BIOS-e820: 0000000000100000 - 000000001fff0000 (usable)
 BIOS-e820: 000000001fff0000 - 0000000020000000 (ACPI data)
 BIOS-e820: 0000000020000000 - 0000000020001000 type 20
"""


def test_the_lines_of_kernels_before_3_6() -> None:
    assert [line for (line,) in log_map(OLDER).entries] == [
        (0, 0x9FC00, 1),
        (0x9FC00, 0x400, 2),
        (0x100000, 0x1FEF0000, 1),
        (0x1FFF0000, 0x10000, 3),
        (0x20000000, 0x1000, 20),
    ]


def long(entries: int, garbled: str = "") -> str:
    """Return a log with so many entries."""
    lines = (f"BIOS-e820: [mem {n * 4096:#018x}-{n * 4096:#018x}] usable\n" for n in range(entries))
    return garbled + "".join(lines)


def test_a_map_of_more_entries_than_a_kernel_keeps() -> None:
    assert len(log_map(long(3200)).entries) == 3200
    with pytest.raises(SpecError, match="more than 3200 entries"):
        log_map(long(200_000))


def test_many_entries_and_many_ways_to_read_them() -> None:
    garbled = long(3000).replace("[mem 0x0", "[mem 0x00", 11)
    with pytest.raises(SpecError, match="too garbled"):
        log_map(garbled)


def test_a_line_that_is_told_is_short() -> None:
    with pytest.raises(SpecError, match="cannot be read") as caught:
        log_map("BIOS-e820: [mem " + "\x1b" * 100_000)
    assert len(caught.value.message) < 1000
    assert caught.value.message.isprintable()


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
