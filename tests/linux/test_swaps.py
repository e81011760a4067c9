"""Lines of /proc/swaps, as kernels write them and as none does."""

from pathlib import Path

import pytest

from hibtest.linux import swaps
from hibtest.linux.swaps import Swap

HEAD = b"Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
# of a Debian guest with Linux 6.1
TWO = (
    b"/dev/vdb                                partition\t1048572\t\t0\t\t-2\n"
    b"/dev/loop1                              partition\t65532\t\t1024\t\t100\n"
)


def test_each_swap_is_what_its_line_says() -> None:
    assert swaps.parse(HEAD + TWO) == [
        Swap(name="/dev/vdb", kind="partition", size=1048572, used=0, priority=-2),
        Swap(name="/dev/loop1", kind="partition", size=65532, used=1024, priority=100),
    ]


@pytest.mark.parametrize("listing", [HEAD, HEAD.rstrip(), b""])
def test_there_may_be_none(listing: bytes) -> None:
    assert swaps.parse(listing) == []


@pytest.mark.parametrize(
    ("written", "name"),
    [
        (rb"/a\040b", "/a b"),
        (rb"/a\011b", "/a\tb"),
        (rb"/a\012b", "/a\nb"),
        (rb"/a\134b", "/a\\b"),
        (rb"/a\134040b", r"/a\040b"),
        (b"/a\xc2\xa0b\x0b\x0c\r\xe2\x80\xa8", "/a\u00a0b\v\f\r\u2028"),
        (rb"/swapfile\040(deleted)", "/swapfile (deleted)"),
        (b"/" + b"x" * 80, "/" + "x" * 80),
    ],
)
def test_a_name_may_hold_anything(written: bytes, name: str) -> None:
    lines = written + b" file\t\t8388604\t\t12\t\t-3\n"  # as wide as 40 columns, or one blank
    assert swaps.parse(HEAD + lines + TWO)[:1] == [Swap(name, "file", 8388604, 12, -3)]


def test_numbers_that_are_as_wide_as_their_columns() -> None:
    [found] = swaps.parse(HEAD + b"/dev/sda2 partition\t16777212\t10000000\t-2\n")
    assert (found.size, found.used) == (16777212, 10000000)


def test_the_swaps_of_this_machine() -> None:
    listing = Path("/proc/swaps")
    if not listing.exists():
        pytest.skip("this kernel has no swap")
    assert all(one.used <= one.size for one in swaps.parse(listing.read_bytes()))


@pytest.mark.parametrize("line", [b"/dev/sda2", b"/a b file 1 0 -1", b"/dev/sda2 partition x 0 -1"])
def test_what_is_no_such_line_is_shown(line: bytes) -> None:
    with pytest.raises(ValueError, match="no line of /proc/swaps") as caught:
        swaps.parse(HEAD + line + b"\n")
    assert line.decode() in str(caught.value)
