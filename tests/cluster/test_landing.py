"""A run that comes from elsewhere: whole, at home in this host's paths, or not there."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hibtest import images
from hibtest.bench.prepare import Bench
from hibtest.cluster.landing import land
from hibtest.cluster.order import Done
from hibtest.cluster.pieces import Piece, items, piece
from hibtest.errors import HostError
from hibtest.evidence import Host
from hibtest.image.qcow2 import leads
from hibtest.job import Job
from hibtest.machine.disk import overlay
from hibtest.spec import GuestSpec, Scenario
from hibtest.store import Store, cache_dir
from tests.cluster.lab import stock

SCENARIO = Scenario(name="one", guest=GuestSpec(kernel="trixie"))


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    """A run of another host, with a root disk of its guest."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "there"))
    stock(Store(cache_dir()))
    host = Host(qemu="10.0", accel="tcg")
    job = Bench(host=host, qemu="/qemu", runs=tmp_path / "there" / "runs").job(SCENARIO)
    overlay(job.files.root, job.directory / "root.qcow2")
    return job


@pytest.fixture
def come(made: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Job]:
    """Have it come to this host, which has a cache of its own."""
    done = Done(
        worker="tcp://x", host="x", files=items(made.directory), root=images.root_sha256(made.files)
    )
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "here"))

    def ask(name: str, offset: int) -> Piece:
        return piece(made.directory / name, offset)

    return lambda: land(done, ask, tmp_path / "runs", "me", "x-1")


def _backing(job: Job) -> str:
    with (job.directory / "root.qcow2").open("rb") as file:
        found = leads(file.fileno(), "root.qcow2")
    return found.backing if found else ""


def test_a_run_takes_the_next_number(come: Callable[[], Job], tmp_path: Path) -> None:
    assert [come().directory for _ in "12"] == [tmp_path / "runs" / "one" / n for n in "12"]


def test_a_disk_lies_on_the_root_disk_that_it_had(
    come: Callable[[], Job], made: Job, tmp_path: Path
) -> None:
    store = Store(cache_dir())
    for path in (made.files.root.parent, made.files.kernel.parent):
        store.take(path.name, lambda new, path=path: _copied(path, new))  # type: ignore[misc]
    job = come()
    assert job.files.root.is_relative_to(tmp_path / "here")
    assert _backing(job) == str(job.files.root)


def _copied(path: Path, new: Path) -> None:
    for one in path.iterdir():
        (new / one.name).write_bytes(one.read_bytes())


def test_a_disk_does_not_lie_on_a_root_disk_that_was_built_here(come: Callable[[], Job]) -> None:
    """It has the same key, and holds something else."""
    stock(Store(cache_dir()))
    job = come()
    assert job.files.root.exists()
    assert _backing(job) == f"/on-another-host/{job.files.root.parent.name}"


def test_a_run_that_does_not_come_whole_is_not_there(made: Job, tmp_path: Path) -> None:
    files = items(made.directory)
    damaged = (*files[:-1], replace(files[-1], sha256="0" * 64))
    done = Done(worker="tcp://x", host="x", files=damaged)

    def ask(name: str, offset: int) -> Piece:
        return piece(made.directory / name, offset)

    with pytest.raises(HostError, match="is not what was sent"):
        land(done, ask, tmp_path / "runs", "me", "x-1")
    assert [path for path in (tmp_path / "runs").rglob("*") if path.is_file()] == []
    assert not (tmp_path / "runs" / "one").exists()
