"""Real guests: one that its command line takes something from, one that a case went wrong in."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from hibtest import images
from hibtest.bench.prepare import Bench
from hibtest.snapshotdev import Case, objection
from hibtest.snapshotdev.cases import CASES
from hibtest.snapshotdev.guest import DeviceGuests, Shelf

pytestmark = pytest.mark.guest

KERNEL = "trixie"
KNOWN = {case.name: case for case in CASES}


@pytest.fixture
def guests(hib_bench: Bench, tmp_path: Path) -> Iterator[DeviceGuests]:
    images.build([KERNEL])
    shelf = Shelf(
        files=hib_bench.files(KERNEL),
        qemu=hib_bench.qemu,
        host=hib_bench.host,
        directory=tmp_path,
        sink=lambda _: None,
    )
    with closing(DeviceGuests(shelf)) as found:
        yield found


def test_what_is_off_is_asked_of_the_guest_and_what_went_wrong_costs_it(
    guests: DeviceGuests, tmp_path: Path
) -> None:
    off = ("secretmem.enable=0",)
    barred = replace(KNOWN["barred-by-memfd-secret"], append=off)
    assert guests.carry_out(barred).inapplicable == (
        "CONFIG_SECRETMEM is off (memfd_secret: Function not implemented)"
    )
    # leaves the swap off, where a kernel might leave pages of it allocated
    leaks = Case(
        name="leaks",
        source="",
        steps=(("swapoff", 0), ("change SwapFree", 1)),
        append=off,
    )
    assert "expected 1, found 0" in objection(leaks, guests.carry_out(leaks))
    given_back = replace(KNOWN["swap-given-back"], append=off)
    assert objection(given_back, guests.carry_out(given_back)) == ""
    assert sorted(path.name for path in tmp_path.glob("guest-*")) == ["guest-1", "guest-2"]


def test_a_kernel_that_is_locked_down_has_no_case(guests: DeviceGuests) -> None:
    modes = replace(KNOWN["open-modes"], append=("lockdown=integrity",))
    told = guests.carry_out(modes).inapplicable
    assert told.startswith("CONFIG_HIBERNATION is off (Kernel is locked down from command line")
