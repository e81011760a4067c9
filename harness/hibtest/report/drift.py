"""What a life had in use after each of its resumes, as a table."""

from collections.abc import Callable

from rich.table import Table

from hibtest.evidence import Evidence, Levels
from hibtest.report.terminal import escape
from hibtest.verdict.drift import measured, off

_Cell = Callable[[Levels], str]


def _ahead_of_rtc(one: Levels) -> str:
    return "?" if one.rtc is None else f"{one.realtime - one.rtc:.2f}"


_ROWS: tuple[tuple[str, _Cell], ...] = (
    ("memory in use, KiB", lambda one: str(one.used)),
    ("MemFree, KiB", lambda one: str(one.free)),
    ("MemAvailable, KiB", lambda one: str(one.available)),
    ("slab in use, KiB", lambda one: str(one.slab)),
    ("swap in use, KiB", lambda one: str(one.swap)),
    ("swap in use by nobody, KiB", lambda one: str(one.nobodys)),
    ("open files", lambda one: str(one.files)),
    ("descriptors of the probe", lambda one: str(one.own)),
    ("clock ahead of the host, s", lambda one: f"{off(one):.2f}"),
    ("clock ahead of its RTC, s", _ahead_of_rtc),
    ("time off until then, s", lambda one: f"{one.boottime - one.monotonic:.1f}"),
)


def drift_table(evidence: Evidence) -> Table | None:
    """Return a column for each resume.

    :return: ``None`` when nobody asked what was in use.
    """
    lives = measured(evidence)
    if not lives:
        return None
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("in use", no_wrap=True)
    for directory, _ in lives:
        table.add_column(escape(directory), justify="right", no_wrap=True)
    for what, cell in _ROWS:
        table.add_row(what, *(cell(levels) for _, levels in lives))
    return table
