"""Which scenarios are meant, and what is changed about them."""

from dataclasses import replace
from pathlib import Path

import pytest

from hibtest.bench.catalogue import scenarios
from hibtest.bench.chosen import (
    Inapplicable,
    applying,
    by_name,
    changed,
    chosen,
    failed_last,
    on_own_kernel,
)
from hibtest.errors import SpecError
from hibtest.evidence import Host, to_json
from hibtest.settings import Settings
from hibtest.spec import GuestSpec, Nbd, Scenario, Unplug
from tests.cycle.jobs import files_in
from tests.host import missing
from tests.report.test_rates import GOOD, HUNG

ONE = Scenario(name="one-KERNEL-a", guest=GuestSpec(kernel="trixie"), tags=("smoke",))
TWO = replace(ONE.on("bookworm"), tags=())
THREE = replace(ONE, name="three", tags=())
KNOWN = (ONE, TWO, THREE)


def test_names_an_expression_or_one_cycle_of_each() -> None:
    assert chosen(KNOWN, ["three", "one-trixie-a", "three"], None) == (THREE, ONE)
    assert chosen(KNOWN, [], "one and not trixie") == (TWO,)
    assert chosen(KNOWN, [], "all") == KNOWN
    assert chosen(KNOWN, [], None) == (ONE,)


def test_where_none_is_a_smoke_test_all_are_run() -> None:
    assert chosen((TWO, THREE), [], None) == (TWO, THREE)


def test_a_name_that_is_none_has_others_like_it() -> None:
    with pytest.raises(SpecError, match="there is no scenario 'one-trixi-a'") as caught:
        by_name(KNOWN, "one-trixi-a")
    assert "one-trixie-a" in str(caught.value.hint)


def test_ones_own_kernel_takes_the_place_of_all() -> None:
    first, second = on_own_kernel(KNOWN)
    assert (first.name, first.guest.kernel) == ("one-own-a", "own")
    assert (second.name, second.guest.kernel) == ("three", "own")
    assert by_name(KNOWN, "one-own-a") == first


def test_settings_change_what_they_say_and_nothing_else() -> None:
    said = Settings(memory=1024, vcpus=8, lives=3, append="a b")
    guest = replace(ONE.guest, memory_mib=1024, vcpus=8, append=("a", "b"))
    assert changed(ONE, said) == replace(ONE, guest=guest, lives=3)
    assert changed(ONE, Settings(accel="tcg", keep=True)) == ONE


def test_more_vcpus_make_room_for_themselves_where_some_are_plugged_in() -> None:
    plugged = replace(ONE, guest=replace(ONE.guest, max_vcpus=4))
    assert changed(plugged, Settings(vcpus=8)).guest.max_vcpus == 8


HERE = Host(qemu="10.0.2", accel="tcg")


def test_what_a_qemu_would_die_of_is_not_asked_of_it() -> None:
    room = replace(ONE.guest, vcpus=2, max_vcpus=3)
    goes = replace(ONE, name="goes", question="", guest=room, after=(Unplug(),))
    why = "QEMU 7.2.22 crashes when a CPU is unplugged under TCG; 8 or newer is needed"
    assert applying((goes, THREE), None, replace(HERE, qemu="7.2.22")) == (
        (THREE,),
        (Inapplicable(scenario="goes", why=why),),
    )
    assert applying((goes, THREE), None, HERE) == ((goes, THREE), ())


def test_what_an_own_kernel_lacks_is_not_asked_of_it(tmp_path: Path) -> None:
    """Of one that nothing is known of, and of Debian's, everything is."""
    loads = replace(ONE, workloads=(Nbd(),))
    files = files_in(tmp_path)
    assert applying((loads, THREE), replace(files, lacks=missing("BLK_DEV_NBD")), HERE) == (
        (THREE,),
        (
            Inapplicable(
                scenario=loads.name, why="CONFIG_BLK_DEV_NBD is not set (disks over the network)"
            ),
        ),
    )
    for known in (files, replace(files, lacks=()), None):
        assert applying((loads, THREE), known, HERE) == ((loads, THREE), ())


def _ran(runs: Path, name: str, number: int, good: bool) -> None:
    directory = runs / name / str(number)
    directory.mkdir(parents=True)
    (directory / "verdict.json").write_bytes(to_json(GOOD if good else HUNG))


def test_only_those_that_failed_last(tmp_path: Path) -> None:
    _ran(tmp_path, ONE.name, 9, good=True)
    _ran(tmp_path, ONE.name, 10, good=False)
    _ran(tmp_path, TWO.name, 1, good=False)
    _ran(tmp_path, TWO.name, 2, good=True)
    (tmp_path / TWO.name / "3").mkdir()  # under way, or ended without a verdict
    assert failed_last(KNOWN, tmp_path, own=False) == (ONE,)


def test_on_ones_own_kernel_its_runs_count(tmp_path: Path) -> None:
    _ran(tmp_path, "one-own-a", 1, good=False)
    assert [one.name for one in failed_last(KNOWN, tmp_path, own=True)] == ["one-own-a"]
    assert failed_last(KNOWN, tmp_path, own=False) == ()


def test_a_question_of_hibtest_s_own_is_the_same_of_all_kernels() -> None:
    """Else ``--kernel``, which asks each once, would leave one out."""
    asked: dict[str, Scenario] = {}
    for one in scenarios():
        own = replace(one.on("own"), tags=())
        assert asked.setdefault(one.question, own) == own, one.name
