"""How long each stage took, and how far that varies."""

import io
from dataclasses import replace

from rich.console import Console

from hibtest.evidence import Boot, Evidence, StageTime
from hibtest.report.phases import phases, spread_tables
from hibtest.report.terminal import Phase, Row
from hibtest.spec import Role, Stage
from tests.report.test_rates import GOOD, INVALID


def took(role: Role, boot: str, stage: Stage, seconds: float) -> Phase:
    return Phase(role=role, boot=boot, stage=stage, seconds=seconds)


def row(*stages: Phase, seconds: float = 1.0) -> Row:
    return Row(verdict=GOOD, kernel="", seconds=seconds, directory="", stages=stages)


def shown(*rows: Row) -> list[list[str]]:
    """Return the words of each line of all tables."""
    console = Console(file=io.StringIO(), width=200)
    for table in spread_tables(rows):
        console.print(table)
    assert isinstance(console.file, io.StringIO)
    return [line.split() for line in console.file.getvalue().splitlines()]


def test_a_stage_that_comes_twice_in_a_boot_is_one() -> None:
    times = [(Stage.FREEZE, 1.0), (Stage.WRITE, 4.0), (Stage.FREEZE, 0.5)]
    stages = tuple(StageTime(stage=stage, t=0.0, seconds=seconds) for stage, seconds in times)
    boot = Boot(role=Role.SAVE, directory="save", stages=stages)
    assert phases(Evidence(scenario="one", boots=(boot,))) == (
        took(Role.SAVE, "save", Stage.FREEZE, 1.5),
        took(Role.SAVE, "save", Stage.WRITE, 4.0),
    )


def test_all_boots_of_a_kind_are_taken_together() -> None:
    first = row(
        took(Role.SAVE, "save", Stage.WRITE, 2.0),
        took(Role.RESUME, "resume", Stage.LOAD, 3.0),
        took(Role.RESUME, "resume-2", Stage.LOAD, 5.0),
        seconds=20.0,
    )
    second = row(took(Role.SAVE, "save", Stage.WRITE, 4.0), seconds=30.0)
    assert shown(first, second) == [
        ["one", "n", "median", "s", "min", "max", "p95"],
        ["save", "WRITE", "2", "3.0", "2.0", "4.0"],
        ["resume", "LOAD", "2", "4.0", "3.0", "5.0"],
        ["in", "all", "2", "25.0", "20.0", "30.0"],
    ]


def test_what_95_percent_are_within_takes_enough_of_them() -> None:
    rows = [row(took(Role.SAVE, "save", Stage.WRITE, float(n)), seconds=0.0) for n in range(21)]
    assert shown(*rows)[1] == ["save", "WRITE", "21", "10.0", "0.0", "20.0", "19.0"]
    assert shown(*rows[:19])[1] == ["save", "WRITE", "19", "9.0", "0.0", "18.0"]


def test_what_was_run_once_or_not_judged_has_no_table() -> None:
    invalid = replace(row(), verdict=INVALID)
    assert shown(row(), invalid) == []
