"""What a life had in use after each resume, as ``hibtest show`` prints it."""

import io
from dataclasses import replace

from rich.console import Console

from hibtest.report.drift import drift_table
from tests.verdict.test_drift import LEVELS, run
from tests.verdict.test_judge import GOOD


def test_a_column_for_each_resume() -> None:
    later = replace(LEVELS, used=91_000, nobodys=-4, rtc=None, realtime=1002.25, boottime=70.5)
    table = drift_table(run([LEVELS, later])[1])
    assert table is not None
    console = Console(file=io.StringIO(), width=200)
    console.print(table)
    assert isinstance(console.file, io.StringIO)
    lines = [line.rstrip() for line in console.file.getvalue().splitlines()]
    assert lines[0].split() == ["in", "use", "resume", "resume-2"]
    cells = {line[:27].rstrip(): line[27:].split() for line in lines[1:]}
    assert cells["memory in use, KiB"] == ["90000", "91000"]
    assert cells["swap in use by nobody, KiB"] == ["0", "-4"]
    assert cells["clock ahead of the host, s"] == ["0.00", "2.25"]
    assert cells["clock ahead of its RTC, s"] == ["0.00", "?"]
    assert cells["time off until then, s"] == ["10.0", "20.5"]


def test_what_nobody_asked_for_has_no_table() -> None:
    assert drift_table(GOOD) is None
