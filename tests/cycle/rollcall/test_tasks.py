"""Who is held and who is not, by what stands in a kernel's memory."""

import pytest

from hibtest.cycle.rollcall.tasks import Found, TaskList
from hibtest.errors import GuestError
from hibtest.evidence import Task
from tests.cycle.kernels import OFFSET
from tests.cycle.rollcall.linux import FROZEN, KTHREAD, NOFREEZE, SUSPENDS, Linux


def _only(linux: Linux) -> Found:
    (found,) = TaskList(linux.kernel, linux.places).tasks()
    return found


def _one(fields: dict[str, int], *, old: bool = False) -> Found:
    linux = Linux(old=old)
    linux.process({"pid": 7, "tgid": 7, **fields})
    return _only(linux)


def test_every_thread_of_every_process_is_called() -> None:
    linux = Linux()
    linux.process({"pid": 1, "tgid": 1, "comm": b"init", "state": FROZEN})
    linux.process({"pid": 2, "tgid": 2}, {"pid": 3, "tgid": 2, "comm": b"fifteen (bytes)"}, mm=4096)
    tasks = [found.task for found in TaskList(linux.kernel, linux.places).tasks()]
    assert tasks == [
        Task(pid=1, process=1, name="init", state="F"),
        Task(pid=2, process=2, name="", state="R"),
        Task(pid=3, process=2, name="fifteen (bytes)", state="R"),
    ]


@pytest.mark.parametrize(
    ("fields", "state", "held"),
    [
        ({"state": FROZEN}, "F", True),
        ({"state": 0x0}, "R", False),
        ({"state": 0x1}, "S", False),
        ({"state": 0x2001}, "S", False),  # may be frozen, is not
        ({"state": 0x2}, "D", False),
        ({"state": 0x4}, "T", True),
        ({"state": 0x8}, "t", True),
        ({"state": 0x80, "exit_state": 0x20}, "Z", True),
        ({"state": 0x80, "exit_state": 0x10}, "X", True),
        ({"flags": NOFREEZE}, "R", False),  # no process may be exempt
        ({"flags": NOFREEZE, "state": 0x1}, "S", False),
        ({"flags": NOFREEZE, "state": 0x2}, "D", True),  # but in lock_system_sleep()
        ({"flags": KTHREAD | NOFREEZE, "state": 0x402}, "I", True),
        ({"flags": KTHREAD, "state": 0x1}, "S", False),
        ({"flags": KTHREAD, "state": FROZEN}, "F", True),
    ],
)
def test_a_task_is_held_when_it_cannot_run(fields: dict[str, int], state: str, held: bool) -> None:
    found = _one(fields)
    assert (found.task.state, found.held, found.saver) == (state, held, False)
    assert found.task.kernel == bool(fields.get("flags", 0) & KTHREAD)


@pytest.mark.parametrize(
    ("flags", "state", "held"),
    [
        (0x10000, 0x2, True),
        (0x40000000, 0x2, True),
        (KTHREAD | NOFREEZE, 0x402, True),
        (KTHREAD, 0x1, False),
        (0, FROZEN, False),
        (0, 0x4, True),
    ],
)
def test_before_6_1_frozen_is_a_flag(flags: int, state: int, held: bool) -> None:
    assert _one({"flags": flags, "state": state}, old=True).held is held


def test_the_one_that_hibernates_is_marked() -> None:
    found = _one({"flags": SUSPENDS})
    assert (found.saver, found.held) == (True, False)


def test_a_kernel_that_does_not_describe_itself_is_said() -> None:
    linux = Linux()
    linux.places = type(linux.places)(symbols={"init_task": [(1 << 63, 1 << 63)]})
    with pytest.raises(GuestError, match="CONFIG_DEBUG_INFO_BTF"):
        TaskList(linux.kernel, linux.places)


def test_a_list_of_threads_that_leads_nowhere_is_said() -> None:
    linux = Linux()
    linux.process({"pid": 1, "tgid": 1})
    linux.words(0x4000 + 128, OFFSET + (1 << 40))  # its signal_struct
    with pytest.raises(GuestError, match="none of its RAM"):
        _only(linux)


def test_threads_that_stand_in_two_lists_are_none() -> None:
    linux = Linux()
    linux.process({"pid": 1, "tgid": 1})
    linux.process({"pid": 2, "tgid": 2})
    signal = linux.word(0x4000 + 128)
    linux.words(0x4000 + 512 + 128, signal)  # of the second task
    with pytest.raises(GuestError, match="list of tasks is none"):
        list(TaskList(linux.kernel, linux.places).tasks())
