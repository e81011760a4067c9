"""Runs by a real scheduler and real workers: what comes back is as if it was made here."""

import stat
from pathlib import Path

from hibtest.bench.rundir import JOB, SCENARIO, VERDICT
from hibtest.errors import ExitStatus
from hibtest.evidence import read_json
from hibtest.job import EVIDENCE, Job
from hibtest.store import Store
from hibtest.verdict import Verdict
from tests.cluster.lab import RELEASE, Lab, stock
from tests.commands import Command

GOOD, OTHER = "refused-trixie-no-swap", "cold-trixie-noresume"
LIMIT = 120.0  # s, on a busy host


def _keys(store: Store) -> set[str]:
    return {path.name for path in store.artifacts()}


def test_runs_come_back_whole_from_machines_one_of_which_had_nothing(
    there: Lab, run: Command
) -> None:
    stock(there.store("alpha"))
    there.works(
        'truncate -s 20M "$run/swap.raw"; mkdir "$run/save"; echo x >"$run/save/argv"\nleaves'
    )
    with there.worker("alpha"), there.worker("beta"):
        done = run(GOOD, OTHER, "--times", "2")
    assert done.status == ExitStatus.EXPECTED, done.out + done.err
    assert "4 of 4 as expected" in done.out
    assert f"{GOOD} on " in done.out
    assert "fetches root-" in done.out
    guest = {key for key in _keys(there.store("alpha")) if not key.startswith("debian")}
    assert _keys(there.store("beta")) == guest
    for name in (GOOD, OTHER):
        for number in ("1", "2"):
            _is_ours(there.place / "runs" / name / number, there)
    assert not list((there.place / "runs").glob(".parts"))


def _is_ours(directory: Path, there: Lab) -> None:
    """Check that a run looks as one that was made here, and has nothing of a worker's paths."""
    names = {path.relative_to(directory).as_posix() for path in directory.rglob("*")}
    assert names == {
        EVIDENCE, JOB, SCENARIO, VERDICT, "rerun.sh", "worker.stderr", "save", "save/argv",
    }  # fmt: skip
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    job = read_json(directory / JOB, Job)
    assert job.directory == directory
    assert job.files.root.is_relative_to(there.cache("client"))
    assert (directory / EVIDENCE).read_bytes() == (
        there.place / "evidence" / directory.parent.name
    ).read_bytes()
    assert read_json(directory / VERDICT, Verdict).as_expected


def test_verdicts_and_directories_are_what_show_and_judge_expect(
    there: Lab, run: Command, hibtest: Command
) -> None:
    stock(there.store("alpha"))
    with there.worker("alpha"):
        done = run(GOOD)
    assert f"{GOOD} on " not in done.out  # there is but one host
    directory = there.place / "runs" / GOOD / "1"
    assert hibtest("judge", directory).status == ExitStatus.EXPECTED
    assert hibtest("show", directory).status == ExitStatus.EXPECTED
    assert (there.place / "runs" / "latest").resolve() == directory


def test_disks_come_where_one_machine_would_keep_them(there: Lab, run: Command) -> None:
    stock(there.store("alpha"))
    there.works('printf x >"$run/swap.raw"; truncate -s 20M "$run/swap.raw"; leaves')
    with there.worker("alpha"):
        run(GOOD, "--keep")
    swap = there.place / "runs" / GOOD / "1" / "swap.raw"
    assert swap.stat().st_size == 20 << 20
    assert swap.stat().st_blocks * 512 < 1 << 20


def test_guest_disks_of_who_orders_reach_machines_that_have_none(there: Lab, run: Command) -> None:
    stock(there.store("client"))
    with there.worker("alpha"), there.worker("beta"):
        done = run(GOOD, "--times", "2")
    assert done.status == ExitStatus.EXPECTED, done.out + done.err
    assert "from who ordered the run" in done.out
    job = read_json(there.place / "runs" / GOOD / "1" / JOB, Job)
    for host in ("alpha", "beta"):
        root = there.store(host).find(job.files.root.parent.name)
        assert root is None or (root / "root.ext4").read_bytes() == job.files.root.read_bytes()


def test_a_run_is_made_again_with_the_kernel_that_it_had(there: Lab, run: Command) -> None:
    """Which a worker has, and this host has not."""
    stock(there.store("alpha"))
    with there.worker("alpha"):
        run(GOOD)
        done = run("--from", there.place / "runs" / GOOD / "1")
    assert done.status == ExitStatus.EXPECTED, done.out + done.err
    assert f"again: trixie, Linux {RELEASE}, which a worker has" in done.out
    first, second = (read_json(there.place / "runs" / GOOD / n / JOB, Job) for n in "12")
    assert first.files == second.files


def test_disks_that_nobody_has_are_built_by_a_worker(there: Lab, run: Command) -> None:
    """In tests/cluster/pretended.py that is quickly done."""
    with there.worker("alpha"):
        done = run(GOOD)
    assert done.status == ExitStatus.EXPECTED, done.out + done.err
    assert "builds the guest disks of trixie on alpha" in done.out
    assert _keys(there.store("alpha"))


def test_a_scenario_goes_to_a_machine_that_can_run_it(there: Lab, run: Command) -> None:
    """alpha has 100 MiB of memory, in tests/cluster/pretended.py."""
    stock(there.store("client"))
    with there.worker("alpha", memory=100), there.worker("beta"):
        done = run(GOOD, "--times", "3", "-j", "2")
    assert done.status == ExitStatus.EXPECTED, done.out + done.err
    assert done.out.count(f"{GOOD} on beta  starts") == 3
    assert " on alpha  " not in done.out


def test_what_no_machine_can_run_is_told_and_nothing_is_run(there: Lab, run: Command) -> None:
    stock(there.store("alpha"))
    with there.worker("alpha"):
        done = run(GOOD, "--memory", "900T")
    assert done.status == ExitStatus.UNAVAILABLE
    assert f"{GOOD} cannot be run here: alpha: a guest of " in done.out
    assert not (there.place / "runs").exists()


OWN = """
from hibtest.spec import GuestSpec, Run, Scenario

SCENARIOS = (
    Scenario(
        name="own-files",
        guest=GuestSpec(kernel="trixie"),
        workloads=(Run(label="x", start="true", check="true", files=("{file}",)),),
    ),
)
"""


def test_a_scenarios_own_files_travel_with_it(there: Lab, run: Command) -> None:
    stock(there.store("alpha"))
    file = there.place / "program"
    file.write_bytes(b"\x7fELF")
    module = there.place / "test_own.py"
    module.write_text(OWN.format(file=file))
    there.works('cat "$run/own/program" >"$place/seen"; exit 3')
    with there.worker("alpha"):
        run("--scenarios", module, "own-files")
    assert (there.place / "seen").read_bytes() == b"\x7fELF"
    directory = there.place / "runs" / "own-files" / "1"
    assert (directory / "own" / "program").read_bytes() == b"\x7fELF"
    job = read_json(directory / JOB, Job)
    [workload] = job.scenario.workloads
    assert getattr(workload, "files", ()) == (str(directory / "own" / "program"),)
