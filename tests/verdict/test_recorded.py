"""Evidence of real runs, read again: years later it must come to the verdict it came to then."""

import json
import re
from pathlib import Path
from typing import NamedTuple

import pytest

from hibtest.bench.finish import judge_run
from hibtest.errors import ExitStatus, SpecError
from hibtest.evidence import VERSION, Evidence, read_json
from hibtest.images import KERNELS
from hibtest.job import EVIDENCE
from hibtest.spec import Outcome, Scenario
from tests.commands import Command
from tests.verdict.recordings import RECORDED, SCENARIO, Recording, recordings


class Came(NamedTuple):
    """What a recorded run came to.

    :ivar exact: The pages that its verdict states to have come back as they were.
    :ivar saved: The pages of each image that was compared with the memory it was made of.
    """

    outcome: Outcome
    cause: str = ""
    exact: int = 0
    saved: tuple[int, ...] = ()


def _resumed(*saved: int) -> Came:
    return Came(Outcome.RESUMED, exact=sum(saved), saved=saved)


RUNS = {
    Recording(1, "baseline-backports-platform-1cpu"): _resumed(41781),
    Recording(1, "baseline-bookworm-platform-1cpu"): _resumed(38209),
    Recording(1, "baseline-trixie-platform-2cpu"): _resumed(37685, 38572),
    Recording(1, "agent-trixie-proposal"): _resumed(43130),
    Recording(1, "cold-trixie-no-image"): Came(Outcome.COLD_BOOT, "no-image", saved=(37530,)),
    Recording(1, "cold-trixie-noresume"): Came(Outcome.COLD_BOOT, "noresume", saved=(37561,)),
    Recording(1, "protect-trixie-dm-snapshot"): _resumed(42583),
    Recording(1, "refused-trixie-no-swap"): Came(Outcome.REFUSED, "ENODEV"),
    Recording(1, "swapping-trixie-kernel"): Came(Outcome.HUNG, "PREALLOCATE"),
    Recording(2, "baseline-backports-platform-1cpu"): _resumed(41997),
    Recording(2, "baseline-bookworm-platform-1cpu"): _resumed(38454),
    Recording(2, "baseline-trixie-platform-2cpu"): _resumed(38070, 38947),
    Recording(2, "power-cut-trixie-last-map-page"): Came(Outcome.COLD_BOOT, "image-refused"),
    Recording(2, "agent-trixie-write-error"): Came(Outcome.REFUSED, "EIO"),
    Recording(2, "changed-trixie-root-written"): Came(
        Outcome.CORRUPT, "filesystem", saved=(38137,)
    ),
    # the first ones in which the guest's tasks were called
    Recording(2, "promise-trixie-image-size"): _resumed(41458),
    Recording(2, "promise-backports-checksum"): Came(
        Outcome.COLD_BOOT, "image-refused", saved=(41413,)
    ),
}


def _of(version: int) -> dict[str, Came]:
    return {one.scenario: came for one, came in RUNS.items() if one.version == version}


def _stated(reason: str) -> int:
    found = re.search(r"(\d+) pages exact", reason)
    return int(found[1]) if found else 0


def _saved(evidence: Evidence) -> tuple[int, ...]:
    proofs = [boot.saved for boot in evidence.boots if boot.saved]
    return tuple(proof.view.pages + proof.view.zeroes for proof in proofs if proof.view)


@pytest.mark.parametrize("run", RUNS, ids=lambda run: f"v{run.version}-{run.scenario}")
def test_a_recorded_run_comes_to_what_it_came_to(run: Recording, tmp_path: Path) -> None:
    directory = run.laid_out(tmp_path / "run")
    verdict = judge_run(directory).verdict
    saved = _saved(read_json(directory / EVIDENCE, Evidence))
    assert Came(verdict.outcome, verdict.cause, _stated(verdict.reason), saved) == RUNS[run]
    assert verdict.as_expected


@pytest.mark.parametrize("run", RUNS, ids=lambda run: f"v{run.version}-{run.scenario}")
def test_a_recorded_run_is_what_its_name_says(run: Recording, tmp_path: Path) -> None:
    directory = run.laid_out(tmp_path / "run")
    scenario = read_json(directory / SCENARIO, Scenario)
    evidence = read_json(directory / EVIDENCE, Evidence)
    assert evidence.version == json.loads(run.content(EVIDENCE))["version"] == run.version
    assert evidence.scenario == scenario.name == run.scenario
    assert evidence.kernel
    assert evidence.kernel.name == scenario.guest.kernel
    assert evidence.kernel.name in run.scenario


def test_every_recording_is_judged() -> None:
    assert recordings() == set(RUNS)
    assert len(list(RECORDED.iterdir())) == 2 * len(RUNS)


@pytest.mark.parametrize("version", range(1, VERSION + 1))
def test_every_version_that_is_read_has_a_recording_of_each_kernel(version: int) -> None:
    resumed = [name for name, came in _of(version).items() if came.outcome is Outcome.RESUMED]
    for kernel in (one for one in KERNELS if one.usual):
        assert [name for name in resumed if f"baseline-{kernel.name}-" in name]


@pytest.mark.parametrize("version", [0, VERSION + 1])
def test_evidence_of_no_version_of_ours_is_refused_and_both_are_named(
    version: int, tmp_path: Path
) -> None:
    run = _says(tmp_path, f'"version": {version}')
    with pytest.raises(SpecError) as caught:
        judge_run(run)
    assert str(run / EVIDENCE) in caught.value.message
    assert f"version {version};" in caught.value.message
    assert f"up to {VERSION}" in caught.value.message
    assert caught.value.hint


def test_what_such_evidence_holds_does_not_matter(tmp_path: Path) -> None:
    """A later form may call something else by a name of ours."""
    run = _says(tmp_path, f'"version": {VERSION + 1},\n  "boots": "all of them"')
    with pytest.raises(SpecError, match=f"of version {VERSION + 1};"):
        judge_run(run)


def test_evidence_whose_version_is_no_number_is_none(tmp_path: Path) -> None:
    run = _says(tmp_path, '"version": "new"')
    with pytest.raises(SpecError, match=f"{EVIDENCE}.*version"):
        judge_run(run)


def _says(directory: Path, version: str) -> Path:
    """Lay a recording out that says another version."""
    run = next(iter(RUNS)).laid_out(directory / "run")
    text = (run / EVIDENCE).read_text()
    said, times = re.subn(r'"version": \d+', version, text)
    assert times == 1
    (run / EVIDENCE).write_text(said)
    return run


def test_the_command_line_judges_it_as_it_was(hibtest: Command, tmp_path: Path) -> None:
    run, came = next(iter(RUNS.items()))
    directory = run.laid_out(tmp_path / "run")
    done = hibtest("judge", directory)
    assert done.status == ExitStatus.EXPECTED
    assert f"{run.scenario}: {came.outcome}" in done.out
    done = hibtest("judge", directory, "--json")
    told = json.loads(done.out)
    assert (done.status, told["outcome"], told["as_expected"]) == (0, came.outcome, True)


def test_the_command_line_refuses_what_is_to_come_as_wrong_use(
    hibtest: Command, tmp_path: Path
) -> None:
    done = hibtest("judge", _says(tmp_path, f'"version": {VERSION + 1}'))
    assert done.status == ExitStatus.USAGE
    assert f"of version {VERSION + 1};" in done.err
