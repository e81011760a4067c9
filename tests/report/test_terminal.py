"""Nothing of a guest moves a terminal: every text of a verdict is made printable."""

import io
import json
from dataclasses import fields, replace
from pathlib import Path

import pytest
from rich.console import Console

from hibtest.cli.show import judge
from hibtest.events import ConsoleLine, Note
from hibtest.evidence import Evidence, Trouble, Try, to_json
from hibtest.report.board import Board
from hibtest.report.terminal import Row, explain, explain_plainly, verdict_table
from hibtest.spec import Expected, Outcome
from hibtest.verdict import Verdict
from tests.report.test_rates import HUNG
from tests.verdict.test_judge import SCENARIO

EVIL = "x\x1b]0;owned\x07\x9b31m\x00\u202e[red]\ud800"
VERDICT = Verdict(
    scenario="one", outcome=Outcome.CORRUPT, cause="c", reason="r", rests_on=("a",),
    expected=Expected(outcome=Outcome.RESUMED), as_expected=False, detail="d",
    tries=(Try(directory="1", outcome=Outcome.HUNG, cause="c", reason="r"),),
)  # fmt: skip


def _evil(verdict: Verdict) -> Verdict:
    texts = {one.name: EVIL for one in fields(verdict) if type(getattr(verdict, one.name)) is str}
    (first,) = verdict.tries
    tries = (replace(first, directory=EVIL, cause=EVIL, reason=EVIL),)
    return replace(verdict, **texts, rests_on=(EVIL,), tries=tries)  # type: ignore[arg-type]


def _plain(text: str) -> bool:
    return text.replace("\n", "").isprintable()


def test_no_text_of_a_verdict_gets_through() -> None:
    out = io.StringIO()
    console = Console(file=out, width=300)
    verdict = _evil(VERDICT)
    row = Row(verdict=verdict, kernel=EVIL, seconds=1.0, directory=EVIL)
    console.print(verdict_table([row]))
    console.print(explain(row.verdict, row.directory))
    board = Board(console, 2)
    board.verdict(verdict, 1.0)
    with board.run(EVIL) as sink:
        sink(Note(t=0.0, text=EVIL))
        sink(ConsoleLine(t=0.0, boot=0, text=EVIL))
    assert "owned" in out.getvalue()
    assert _plain(out.getvalue())
    assert _plain(str(verdict))


def test_a_known_bug_is_told() -> None:
    verdict = replace(HUNG, as_expected=True, known="it stalls")
    told = explain_plainly(verdict, "").splitlines()[0]
    assert told == "one: HUNG (WRITE), as expected: known bug of this kernel: it stalls"


def test_runs_that_do_not_count_are_told() -> None:
    row = Row(verdict=VERDICT, kernel="6.12", seconds=1.0, directory="runs/one/2")
    assert "does not count: HUNG (c) in 1: r" in explain(row.verdict, row.directory)
    out = io.StringIO()
    Console(file=out, width=200).print(verdict_table([row]))
    assert "CORRUPT (try 2)" in out.getvalue()


def test_nor_through_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = EVIL.replace("\ud800", "")  # evidence is UTF-8
    trouble = Trouble(kind="GuestError", message=text, hint=text)
    (tmp_path / "scenario.json").write_bytes(to_json(SCENARIO))
    evidence = Evidence(scenario=SCENARIO.name, trouble=trouble)
    (tmp_path / "evidence.json").write_bytes(to_json(evidence))
    judge(tmp_path, json=True)
    shown = capsys.readouterr().out
    assert _plain(shown)
    assert text in json.loads(shown)["reason"]
