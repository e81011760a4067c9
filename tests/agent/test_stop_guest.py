"""Stoppers on real kernels: a zoo of processes is stopped, frozen, continued, and is as before."""

import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from hibtest.deadline import Deadline
from hibtest.reach.shell import Shell
from tests.agent.guests import ARCHIVE, KERNELS, guest

pytestmark = pytest.mark.guest

STOPPERS = ("sigstop", "cgroup")
LIMIT = 150.0  # s; for one round with all the animals
STILL = {"busy": False, "thread": False, "forks": False}
# They end with EINTR after any of the three, restarts or not; see docs/agent-stop.md.
INTERRUPTED = {"epoll_wait": 1, "semop": 1, "poll": 0, "read": 0, "nanosleep": 0, "futex": 0}

Keeper = Callable[..., Any]


@pytest.fixture(scope="module", params=KERNELS)
def shell(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shell]:
    directory: Path = tmp_path_factory.mktemp(request.param)
    with guest(request.param, directory) as shell:
        yield shell


@pytest.fixture(scope="module")
def keeper(shell: Shell) -> Keeper:
    """Run the keeper's command, once for all tests that ask for the same."""

    @cache
    def run(*words: str) -> Any:
        command = f"cd /run && PYTHONPATH={ARCHIVE} python3 -B -m tests.agent.keeper"
        result = shell.run(f"{command} {' '.join(words)}", Deadline.after(LIMIT, words[0]))
        return json.loads(result.stdout)

    return run


def test_sigstop_stops_all_but_init_and_undoes_it(keeper: Keeper) -> None:
    found = keeper("cycle", "sigstop")
    before, stopped = found["before"], found["stopped"]
    still = {one["why"]: one for one in found["still"]}
    assert set(still) == {"pid 1", "D: kernel_clone"}  # init, and one that waits in vfork()
    assert {name: state for name, state in stopped.items() if state != "T"} == {
        "held": "t", "followed": "t", "vfork": "D",
    }  # fmt: skip
    assert found["moved_while_stopped"] == found["moved_while_unfrozen"] == STILL
    assert found["unfrozen"] == stopped
    assert found["facts"]["before"] == 2
    assert (before["stopped"], before["stopped job"]) == ("T", "T")  # and are so again
    assert (found["foreground"], found["said"]) == (True, "")
    assert found["eintr"] == INTERRUPTED


def test_a_parent_that_is_stopped_too_learns_little(keeper: Keeper) -> None:
    seen = keeper("cycle", "sigstop")["seen"]
    assert seen["SIGCONT"] == 1
    assert seen["wait stopped"] == 0
    assert seen["wait continued"] == 1
    assert seen["CLD_STOPPED"] == 1
    # it queues only if the parent took CLD_STOPPED before: on its way to stop, or right after
    assert seen["CLD_CONTINUED"] in {0, 1}


def test_cgroup_stops_all_with_init_and_nobody_can_tell(keeper: Keeper) -> None:
    found = keeper("cycle", "cgroup")
    assert found["still"] == []
    assert found["stopped"] == found["unfrozen"] == found["before"]
    assert found["moved_while_stopped"] == found["moved_while_unfrozen"] == STILL
    assert not any(found["seen"].values())
    assert (found["foreground"], found["said"]) == (True, "")
    assert found["eintr"] == INTERRUPTED
    assert found["left"] == []


def test_freezer_stops_nobody_before_the_kernel_does(keeper: Keeper) -> None:
    found = keeper("cycle", "freezer")
    assert found["still"] == []
    assert found["moved_while_stopped"] == {"busy": True, "thread": True, "forks": True}
    assert not any(found["seen"].values())
    assert found["eintr"] == INTERRUPTED


@pytest.mark.parametrize("how", STOPPERS)
def test_the_needed_go_on_alone(keeper: Keeper, how: str) -> None:
    found = keeper("needed", how)
    assert found["gone"] == {"busy": True, "thread": False, "forks": False}
    assert found["states"]["stopped"] == "T"  # asked for, but others had stopped it
    assert {one["why"] for one in found["still"]} <= {"pid 1", "D: kernel_clone"}


@pytest.mark.parametrize("how", STOPPERS)
def test_what_a_killed_worker_did_is_undone_by_another(keeper: Keeper, how: str) -> None:
    found = keeper("killed", how)
    assert len(found["deaths"]) >= 5
    assert found["left"] == []


@pytest.mark.parametrize("how", STOPPERS)
def test_a_writer_to_a_frozen_filesystem_is_named(keeper: Keeper, how: str) -> None:
    found = keeper("stuck", how)
    [writer] = found["writer"]
    assert writer["why"] == "D: percpu_rwsem_wait"


def test_cgroups_of_a_service_manager_are_frozen_where_they_are(keeper: Keeper) -> None:
    found = keeper("slices", "cgroup")
    assert found["still"] == []
    assert found["stopped"] == STILL
    assert found["gone"]["busy"]
    assert found["gone_where"] == [False, True, False]
    # whether each is where it was: a service, one that others had frozen, the agent
    assert found["where"] == [True, True, False]
    assert found["undone_where"] == [True, True, True]
    assert found["frozen"] == ["0", "0", "1", "0"]
    assert found["tops"] == ["a.slice", "p", "u.slice"]
    assert "/t is of type threaded" in found["refused"]


@pytest.mark.parametrize("how", ["madvise", "reclaim"])
def test_memory_that_is_pushed_out_is_not_copied(keeper: Keeper, how: str) -> None:
    eaten = 16384  # pages
    without, found = keeper("image", "none"), keeper("image", how)
    pushed = found["pushed"]
    assert pushed["resident_before"] - pushed["resident_after"] > eaten * 0.8
    assert pushed["swapped_after"] - pushed["swapped_before"] > eaten * 0.8
    assert without["made"] == found["made"] == 1
    # 7.3 tells these numbers only to kernels with CONFIG_PM_SLEEP_DEBUG
    name = "to_copy" if "to_copy" in found["numbers"] else "preallocated"
    assert found["numbers"][name] > 0
    assert found["numbers"]["needed"] < without["numbers"]["needed"]
