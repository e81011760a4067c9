"""Limits grow with all that makes a guest slower."""

from dataclasses import replace

import pytest

from hibtest.cycle.budget import Budget
from hibtest.spec import GuestSpec, Stage

BASE = Budget(memory_mib=512, vcpus=2, kvm=True)


@pytest.mark.parametrize("stage", list(Stage))
def test_every_stage_has_a_limit(stage: Stage) -> None:
    assert BASE.limit(stage) > 0


@pytest.mark.parametrize(
    "slower",
    [replace(BASE, kvm=False), replace(BASE, busy=2.0), replace(BASE, vcpus=8)],
    ids=["tcg", "busy", "vcpus"],
)
def test_slower_guests_get_more_time_for_everything(slower: Budget) -> None:
    assert all(slower.limit(stage) > BASE.limit(stage) for stage in Stage)


def test_more_memory_counts_only_where_memory_is_copied() -> None:
    larger = replace(BASE, memory_mib=2048)
    assert larger.limit(Stage.WRITE) == 4 * BASE.limit(Stage.WRITE)
    assert larger.limit(Stage.FREEZE) == BASE.limit(Stage.FREEZE)


def test_the_freezer_may_use_all_of_its_own_20_seconds() -> None:
    assert BASE.limit(Stage.FREEZE) > 20


def test_a_quiet_host_counts_as_one() -> None:
    assert Budget.of(GuestSpec(kernel="trixie"), kvm=True).busy >= 1.0
