"""The page of all scenarios on all kernels, made from recorded runs of real guests."""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from hibtest.bench.finish import judge_run
from hibtest.bench.rundir import VERDICT
from hibtest.report.matrix import Judged, Row, last_of_each, markdown
from hibtest.spec import Expected, GuestSpec, Outcome, Scenario
from tests.verdict.recordings import Recording, recordings


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Return a directory of runs, those that are recorded."""
    for one in sorted(recordings()):
        run = one.laid_out(tmp_path / one.scenario / str(one.version))
        (run / VERDICT).touch()
    return tmp_path


def judged(runs: Path) -> list[Judged]:
    return [judge_run(path.parent) for path in sorted(runs.glob("*/*/scenario.json"))]


def matrix(*places: Path | str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "hibtest", "matrix", *map(str, places)]
    return subprocess.run(argv, capture_output=True, text=True, check=False, env=os.environ)


def page_of(runs: list[Judged], asked: Sequence[Scenario] = ()) -> list[str]:
    return list(markdown(last_of_each(map(Row.of, runs)), asked))


def rows(page: list[str]) -> dict[str, list[str]]:
    cells = [line.strip("| ").split(" | ") for line in page if line.startswith("| `")]
    return {row[0].strip("`"): [cell.strip() for cell in row[1:]] for row in cells}


def test_a_row_for_each_question_and_a_column_for_each_kernel(runs: Path) -> None:
    page = page_of(judged(runs))
    assert "| scenario | bookworm | trixie | backports |" in page
    found = rows(page)
    row = found["baseline-bookworm-platform-1cpu"]  # recorded before questions had KERNEL in them
    assert row[0].startswith("RESUMED ")
    assert row[0].endswith(" pages")
    assert "COLD_BOOT (no-image)" in found["cold-trixie-no-image"][1]


def test_one_question_is_one_row(runs: Path) -> None:
    one = judge_run(Recording(2, "changed-trixie-root-written").laid_out(runs / "a" / "1"))
    asked = replace(one.scenario, name="a-KERNEL", question="")
    kernel = replace(one.kernel, name="bookworm", release="6.1.192-1")
    other = replace(one.evidence, kernel=kernel)
    both = [
        replace(one, scenario=asked),
        replace(one, scenario=asked.on("bookworm"), evidence=other),
    ]
    [row] = rows(page_of(both)).values()
    assert len(row) == 2
    assert all(cell.startswith("CORRUPT (filesystem)") for cell in row)


def test_the_last_run_counts_and_a_surprise_is_told(runs: Path) -> None:
    [first, *_] = judged(runs)
    later = replace(first.evidence, started="2099-01-01T00:00:00+00:00")
    verdict = replace(
        first.verdict,
        outcome=Outcome.HUNG,
        cause="FREEZE",
        reason="it | `hangs` <b>\x1b[2J",
        expected=Expected(),
        as_expected=False,
    )
    page = page_of([replace(first, evidence=later, verdict=verdict), first])
    [row] = rows(page).values()
    assert row[0].startswith("**HUNG (FREEZE)** ")
    assert page[-1].endswith("HUNG (FREEZE): it \\| 'hangs' &lt;b>\\\\x1b[2J")
    assert "0 of 1 as expected" in "".join(page)


def test_the_command_leaves_out_what_cannot_be_read_and_says_so(runs: Path) -> None:
    (runs / "damaged" / "1").mkdir(parents=True)
    (runs / "damaged" / "1" / "scenario.json").write_text("{")
    (runs / "damaged" / "1" / VERDICT).touch()
    done = matrix(runs)
    assert done.returncode == 0
    assert "left out" in done.stderr
    assert done.stdout.startswith("# Every scenario on every kernel\n")


def test_without_runs_there_is_nothing_to_tell(tmp_path: Path) -> None:
    done = matrix(tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "no run is there" in done.stderr
    done = matrix(tmp_path / "none")
    assert "no such directory" in done.stderr


def test_rows_outlive_their_runs(runs: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    done = matrix(runs, "--json")
    kept.write_text(done.stdout)
    assert len(done.stdout.splitlines()) == len({run.scenario.name for run in judged(runs)})
    assert matrix(kept).stdout == matrix(runs).stdout
    assert matrix(kept, runs, "--json").stdout == done.stdout
    kept.write_text('{"scenario": 1}\n')
    done = matrix(kept)
    assert (done.returncode, done.stdout) == (2, "")
    assert "line 1 is no row of a matrix" in done.stderr


def test_what_was_not_run_is_told(runs: Path) -> None:
    [first, *_] = judged(runs)
    asked = Scenario(name="new-KERNEL", guest=GuestSpec(kernel=first.kernel.name))
    page = page_of([first], [asked, asked.on("next"), first.scenario])
    assert rows(page)["new-KERNEL"] == ["-", "-"]
    assert f"| scenario | {first.kernel.name} | next |" in page
    assert "* not run: 2 scenarios, `-` in the table" in page


def test_a_known_bug_is_told_and_is_no_surprise(runs: Path) -> None:
    [first, *_] = judged(runs)
    known = replace(first.verdict, known="it forgets", as_expected=True)
    page = page_of([replace(first, verdict=known)])
    assert "## Surprises" not in page
    assert page[-1].endswith("Known: it forgets")


def test_a_run_without_a_verdict_takes_the_place_of_none(runs: Path) -> None:
    before = matrix(runs).stdout
    later = Recording(2, "changed-trixie-root-written").laid_out(runs / "changed" / "2")
    assert not (later / VERDICT).exists()
    assert matrix(runs).stdout == before


def test_the_page_in_docs_is_made_of_its_rows() -> None:
    docs = Path(__file__).parents[2] / "docs"
    done = matrix(docs / "matrix.jsonl")
    remedy = "hibtest matrix docs/matrix.jsonl >docs/matrix.md"
    assert (docs / "matrix.md").read_text() == done.stdout, remedy
