"""What workers tell, on the board."""

import io
from collections.abc import Mapping

from rich.console import Console

from hibtest.cluster.rows import Rows
from hibtest.events import Note, to_line
from hibtest.report.board import Board

HELLO = to_line(Note(t=0.1, text="hello"))


def _told(hosts: tuple[str, ...], *messages: Mapping[str, object]) -> list[str]:
    out = io.StringIO()
    rows = Rows(Board(Console(file=out, width=200), 0), hosts)
    with rows.row("x-1", "one"):
        for message in messages:
            rows.take({"run": "x-1", **message})
    rows.take({"run": "x-1", "what": "event", "line": HELLO})  # of a run that is over
    return out.getvalue().splitlines()


def test_the_machine_is_named_where_there_are_several() -> None:
    starts, says = {"what": "starts", "host": "b"}, {"what": "event", "line": HELLO}
    assert _told(("a", "b"), starts, says) == ["one on b  starts", "one on b  hello"]
    assert _told(("b",), starts, says) == ["one  starts", "one  hello"]


def test_a_machine_that_came_later_is_named() -> None:
    assert _told(("a",), {"what": "starts", "host": "b"}) == ["one on b  starts"]


def test_a_run_that_dask_has_made_anew_says_so() -> None:
    first, second = {"what": "starts", "host": "a"}, {"what": "starts", "host": "b"}
    assert _told(("a", "b"), first, second) == [
        "one on a  starts",
        "one  its worker is gone: once more on b",
        "one on b  starts",
    ]


def test_what_is_told_before_a_start_goes_nowhere() -> None:
    assert _told(("a",), {"what": "event", "line": HELLO}) == []
