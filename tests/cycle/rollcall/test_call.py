"""Roll calls on a kernel that is made up."""

import numpy as np
import pytest

from hibtest.cycle.rollcall import mapped
from hibtest.cycle.rollcall.call import Change, roll_call
from hibtest.evidence import RollCall, Task, Writer
from tests.cycle.kernels import OFFSET
from tests.cycle.rollcall.linux import FROZEN, SUSPENDS, USER, WRITABLE, Linux

PAGE = 4096
TABLES = (30, 34, 38)  # the first page of each process's page tables
SAVER, OTHER, THIRD = (
    Task(pid=10 * number, process=10 * number, name=name, state=state)
    for number, name, state in ((1, "saver", "R"), (2, "other", "F"), (3, "third", "F"))
)


def _linux(*pages: dict[int, int]) -> Linux:
    """Return a kernel with a saver and others, each of which has mapped some pages so."""
    linux = Linux()
    for task, first, pages_of in zip((SAVER, OTHER, THIRD), TABLES, pages, strict=True):
        for level in range(3):
            linux.table(first + level, {0: (first + level + 1) * PAGE | USER | WRITABLE})
        linux.table(
            first + 3, {n: pfn * PAGE | how for n, (pfn, how) in enumerate(pages_of.items())}
        )
        flags = SUSPENDS if task is SAVER else 0
        state = FROZEN if task.state == "F" else 0
        facts = {"pid": task.pid, "tgid": task.pid, "flags": flags, "state": state}
        linux.process({**facts, "comm": task.name.encode()}, mm=first * PAGE)
    return linux


def _called(then: Linux, now: Linux, *changed: int) -> RollCall:
    change = Change(then=then.memory, now=now.memory, pfns=np.array(changed, dtype=np.int64))
    return roll_call(then.places, then.space, change)


def test_all_are_counted_and_the_saver_is_named() -> None:
    linux = _linux({}, {}, {})
    assert _called(linux, linux) == RollCall(tasks=3, held=2, saver=SAVER)


def test_whose_memory_changed_is_named_the_one_with_most_of_it_first() -> None:
    linux = _linux({}, {5: 7, 6: 7}, {7: 7, 8: 7, 9: 7})
    roll = _called(linux, linux, 5, 7, 9)
    assert roll.writers == (Writer(task=THIRD, pages=2), Writer(task=OTHER, pages=1))


@pytest.mark.parametrize(
    ("then", "now"),
    [
        pytest.param(({}, {5: 7}, {}), ({}, {}, {}), id="taken from it since"),
        pytest.param(({}, {}, {}), ({}, {5: 7}, {}), id="given to it since"),
        pytest.param(({}, {5: 5}, {}), ({}, {5: 5}, {}), id="never its to write to"),
        pytest.param(({5: 7}, {5: 7}, {}), ({5: 7}, {5: 7}, {}), id="the saver's, too"),
        pytest.param(({5: 7}, {}, {}), ({5: 7}, {}, {}), id="the saver's own"),
        pytest.param(({}, {6: 7}, {}), ({}, {6: 7}, {}), id="nobody's"),
    ],
)
def test_what_changed_is_not_anothers(then: tuple[dict[int, int], ...], now: object) -> None:
    assert isinstance(now, tuple)
    assert _called(_linux(*then), _linux(*now), 5).writers == ()


def test_who_is_awake_is_named_and_counted() -> None:
    linux = _linux({}, {}, {})
    for number in range(40):
        linux.process({"pid": 100 + number, "tgid": 100 + number, "state": 0x1})
    roll = _called(linux, linux)
    assert (roll.tasks, roll.held, roll.awake_count, len(roll.awake)) == (43, 2, 40, 32)
    assert roll.awake[0] == Task(pid=100, process=100, name="", state="S")


def test_a_kernel_that_cannot_be_read_has_no_roll_call() -> None:
    linux = _linux({}, {}, {})
    linux.put(0x1000, b"\0")
    assert "BTF" in _called(linux, linux).lacking


def test_a_mark_alone_makes_nobody_the_one_that_hibernates() -> None:
    """A child that is forked while others are frozen inherits it (kernel/fork.c, 6.1 to 7.3)."""
    linux = _linux({}, {5: 7}, {})
    linux.process({"pid": 90, "tgid": 90, "flags": SUSPENDS, "state": 0x1, "comm": b"child"})
    roll = _called(linux, linux)
    assert roll.saver == SAVER
    assert roll.awake == (Task(pid=90, process=90, name="child", state="S"),)


def test_without_one_that_hibernates_there_is_no_roll_call() -> None:
    linux = Linux()
    linux.process({"pid": 1, "tgid": 1, "state": FROZEN})
    assert "no task that runs is marked" in _called(linux, linux).lacking
    assert "no task that runs is marked" in _called(Linux(), Linux()).lacking


@pytest.mark.parametrize("field", [128, 112])  # signal, mm
def test_words_across_the_end_of_a_page_are_no_traceback(field: int) -> None:
    linux = _linux({}, {5: 7}, {})
    linux.words(0x4000 + 512 + field, OFFSET + 0x5FFD - 24)
    assert _called(linux, linux, 5).lacking


def test_more_page_tables_than_can_be_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapped, "_MOST", 1)
    linux = _linux({}, {5: 7}, {})
    linux.table(TABLES[1], {1: 35 * PAGE | USER, 2: 36 * PAGE | USER})
    assert "page tables" in _called(linux, linux, 5).lacking


def test_what_one_that_is_awake_shares_was_written_to_by_it_alone() -> None:
    linux = _linux({}, {5: 7, 6: 7}, {5: 7, 8: 7})
    linux.put(0x4000 + 512 * 2 + 24, b"\1\0\0\0")  # the third sleeps, and is not frozen
    third = Task(pid=30, process=30, name="third", state="S")
    assert _called(linux, linux, 5, 6, 8).writers == (
        Writer(task=third, pages=2),
        Writer(task=OTHER, pages=1),
    )
