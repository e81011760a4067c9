"""Workers, each of whose steps is done here: what did not keep step with them is found."""

import mmap
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from hibtest.probe.pages import SIZE
from hibtest.probe.witnesses import working
from hibtest.probe.witnesses.working import DONE, ERRORS, PAGES, STEP, STEPS, TURN, TURNS

SEED = 7


class Workers:
    """A crew whose workers take their turns when they are told to."""

    def __init__(self, path: Path, workers: int = 1) -> None:
        self.memory = mmap.mmap(-1, PAGES * SIZE)
        area = working.mapped(self.memory)
        self.crew = working.Crew(area, SEED, workers, working.Counts(path / "counts", workers))
        self.counters = [working.Counter(self.crew.counts, me) for me in range(workers)]
        self.next = [TURNS * me for me in range(workers)]
        self.crew.begin()

    def turns(self, count: int) -> None:
        """Have whoever's turn it is take it, so many times."""
        for _ in range(count):
            me = self.crew.words[DONE] // TURNS % len(self.next)
            self.next[me] = self.crew.take(me, self.next[me], self.counters[me])

    def page(self, number: int) -> bytes:
        return self.memory[number * SIZE : (number + 1) * SIZE]

    def put(self, number: int, data: bytes) -> None:
        self.memory[number * SIZE : (number + 1) * SIZE] = data

    @property
    def first(self) -> object:
        return self.crew.facts()["first"]


@pytest.fixture(autouse=True)
def without_naps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(working, "NAP", 0)


@pytest.fixture(params=[1, 2, 3])
def workers(request: pytest.FixtureRequest, tmp_path: Path) -> Workers:
    return Workers(tmp_path, request.param)


def test_each_page_is_of_this_pass_or_the_one_before(workers: Workers) -> None:
    turns = 3 * STEPS // TURNS + 2
    workers.turns(turns)
    assert workers.crew.facts() == {"step": TURNS * turns, "errors": 0, "first": None}
    written = 2 * TURNS * STEP
    for number in range(PAGES):
        passes = 4 if number < written else 3
        assert workers.page(number) == working.content(SEED, passes, number)


def test_a_page_that_lags_a_pass_behind_is_found_when_its_turn_comes(workers: Workers) -> None:
    workers.turns(STEPS // TURNS)
    early = workers.page(2)
    workers.turns(STEPS // TURNS)  # its writer was frozen a pass later
    workers.put(2, early)
    workers.turns(1)
    assert workers.crew.facts()["errors"] == 1
    assert workers.first == ["page", 2, 2, 1]


def test_a_page_that_lags_behind_is_found_as_soon_as_somebody_asks(workers: Workers) -> None:
    workers.turns(STEPS // TURNS)
    early = workers.page(STEP * TURNS - 1)
    workers.turns(1)
    workers.put(STEP * TURNS - 1, early)  # the last that was written before the freeze
    workers.crew.words.add(working.ASKED)
    assert workers.crew.silent() == workers.crew.workers
    workers.turns(1)
    assert workers.crew.silent() == workers.crew.workers - 1
    assert workers.first == ["page", STEP * TURNS - 1, 2, 1]


def test_all_memory_that_is_older_than_what_the_worker_remembers_is_found(
    workers: Workers,
) -> None:
    workers.turns(3)
    early = bytes(workers.memory)
    workers.turns(1)
    workers.memory[:] = early
    workers.crew.words.add(working.ASKED)
    workers.turns(1)
    # as many as were written meanwhile
    assert workers.crew.facts()["errors"] == TURNS * STEP
    assert workers.first == ["page", 3 * TURNS * STEP, 1, 0]


def test_a_worker_that_is_older_than_its_memory_is_found(workers: Workers) -> None:
    workers.turns(6)
    me = 6 % workers.crew.workers
    workers.next[me] -= TURNS * workers.crew.workers
    workers.turns(1)
    assert workers.first == ["turn", me, TURNS * (6 - workers.crew.workers), 6 * TURNS]


def test_shared_words_that_are_older_are_found(workers: Workers) -> None:
    workers.turns(5)
    workers.crew.words[DONE] -= 1
    me = 5 % workers.crew.workers
    workers.next[me] = workers.crew.take(me, workers.next[me], workers.counters[me])
    assert workers.first == ["turn", me, 5 * TURNS, 5 * TURNS - 1]
    assert workers.crew.facts() == {**workers.crew.facts(), "step": 6 * TURNS, "errors": 1}


def test_a_turn_that_is_older_is_found(workers: Workers) -> None:
    workers.turns(5)
    me = 5 % workers.crew.workers
    os.read(workers.crew.pipes[me][0], TURN.size)
    os.write(workers.crew.pipes[me][1], TURN.pack(5 * TURNS - 1))
    workers.next[me] = workers.crew.take(me, workers.next[me], workers.counters[me])
    assert workers.first == ["turn", me, 5 * TURNS, 5 * TURNS - 1]


@pytest.mark.parametrize(
    ("spoil", "first"),
    [
        (lambda page: page[:-1] + bytes([page[-1] ^ 1]), ["torn", 9, 1, 1]),
        (lambda _: bytes(SIZE), ["torn", 9, 1, 0]),
        (lambda page: working.content(SEED, 5, 9)[:32] + page[32:], ["torn", 9, 1, 5]),
        (lambda _: b"", ["torn", 9, 1, 0]),
    ],
)
def test_a_page_that_is_not_whole_is_torn(
    spoil: Callable[[bytes], bytes], first: list[object], tmp_path: Path
) -> None:
    workers = Workers(tmp_path)
    workers.turns(1)
    read = workers.crew.area.read
    workers.crew.area = workers.crew.area._replace(
        read=lambda number: spoil(read(number)) if number == 9 else read(number)
    )
    workers.crew.inspect(9, 1)
    assert workers.first == first


def test_a_worker_that_ran_on_finds_what_it_wrote_on_the_disk(tmp_path: Path) -> None:
    workers = Workers(tmp_path, 2)
    if workers.crew.counts.fd is None:
        pytest.skip(f"{tmp_path} has no O_DIRECT; run with --basetemp on ext4, xfs or btrfs")
    workers.turns(2)
    memory = bytes(workers.memory), workers.counters[1].count
    workers.counters[1].go_on(workers.crew.counts.fd)
    workers.memory[:], workers.counters[1].count = memory
    workers.crew.words.add(working.ASKED)
    workers.turns(2)
    assert workers.first == ["disk", 1, 1, 2]


def test_a_disk_that_refuses_is_said(tmp_path: Path) -> None:
    workers = Workers(tmp_path)
    if workers.crew.counts.fd is None:
        pytest.skip(f"{tmp_path} has no O_DIRECT; run with --basetemp on ext4, xfs or btrfs")
    os.close(workers.crew.counts.fd)
    workers.turns(1)
    assert workers.first == ["errno", 0, 0, 9]


def test_a_filesystem_without_direct_access_has_no_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(os, "open", refuse)
    workers = Workers(tmp_path)
    workers.turns(3)
    assert workers.crew.words[ERRORS] == 0


def test_the_first_of_many_errors_is_kept(tmp_path: Path) -> None:
    workers = Workers(tmp_path)
    for number in (5, 3):
        workers.crew.complain("page", number, 2, 1)
    assert workers.crew.facts() == {"step": 0, "errors": 2, "first": ["page", 5, 2, 1]}
