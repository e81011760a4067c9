"""Words while one waits: how many are done, why one surprised, what is waited for."""

import io

from rich.console import Console

from hibtest.events import BootStarted, Note, StageEnded, StageStarted, Waiting
from hibtest.report.board import Board, spoken
from hibtest.spec import Role, Stage
from tests.report.test_rates import GOOD, HUNG


def board(asked: int, verbose: int = 0) -> tuple[Board, io.StringIO]:
    out = io.StringIO()
    return Board(Console(file=out, width=200), verbose, asked), out


def test_each_verdict_says_how_many_are_left_and_why_it_surprised() -> None:
    shown, out = board(3)
    with shown.shown():
        shown.verdict(GOOD, 12.0)
        shown.verdict(HUNG, 13.0)
        shown.verdict(GOOD, 12.0)
    lines = out.getvalue().splitlines()
    assert lines[0].startswith("✓ one  RESUMED  12 s  1 of 3, about 0 s left")
    assert lines[1].startswith("✗ one  HUNG  13 s  2 of 3, about")
    assert lines[2].startswith("  WRITE: ")
    assert lines[3] == "✓ one  RESUMED  12 s  3 of 3"


def test_a_single_run_is_not_counted() -> None:
    shown, out = board(1)
    shown.verdict(GOOD, 12.0)
    assert out.getvalue() == "✓ one  RESUMED  12 s\n"
    shown, out = board(1)
    shown.verdict(HUNG, 13.0)  # why comes with the table, at once
    assert out.getvalue() == "✗ one  HUNG  13 s\n"


def test_a_wait_is_told_with_who_is_waited_for() -> None:
    shown, out = board(1)
    with shown.run("one") as sink:
        sink(Waiting(t=2.0, text="waiting for a CPU: held by process 7 pytest"))
        sink(BootStarted(t=3.0, boot=0, role=Role.SAVE))
        sink(StageStarted(t=3.0, boot=0, stage=Stage.BOOT, limit=90.0))
        sink(Note(t=63.0, text="nothing on the console for 60 s"))
        sink(StageEnded(t=64.0, boot=0, stage=Stage.BOOT, seconds=61.0))
    said = out.getvalue()
    assert "one  waiting for a CPU: held by process 7 pytest" in said
    assert "one  nothing on the console for 60 s" in said
    assert "one  save BOOT 61.0 s" in said


def test_on_a_terminal_the_limit_stands_beside_the_time() -> None:
    out = io.StringIO()
    shown = Board(Console(file=out, width=200, force_terminal=True), 0, 2)
    with shown.shown(), shown.run("one") as sink:
        sink(BootStarted(t=0.0, boot=0, role=Role.SAVE))
        sink(StageStarted(t=0.0, boot=0, stage=Stage.BOOT, limit=246.0))
        shown._progress.refresh()
    assert "0 of 246 s" in out.getvalue()
    assert "0 of 2" in out.getvalue()


def test_times_are_said_as_people_do() -> None:
    assert [spoken(seconds) for seconds in (0.4, 119, 120, 3600)] == [
        "0 s", "119 s", "2 min", "60 min",
    ]  # fmt: skip
