"""Guests with a shell, and the agent's modules and the keeper in them."""

import io
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from hibtest import images, zipapp
from hibtest.bench.prepare import bench
from hibtest.cycle import agent
from hibtest.cycle.guest import kept
from hibtest.cycle.lab import Lab
from hibtest.deadline import Deadline
from hibtest.pytest_snapshotdev import on
from hibtest.reach.shell import Shell
from hibtest.spec import AgentMethod, GuestSpec, Linear, Scenario, Target

ROOT = Path(__file__).parents[2]
ARCHIVE = "/run/keeper.zip"
# parameters of a fixture that keeps a guest: all tests of a kernel stay on one worker
KERNELS = [
    pytest.param(kernel, id=on(kernel), marks=[] if kernel == "trixie" else [pytest.mark.wide])
    for kernel in ("bookworm", "trixie", "backports")
]


def modules() -> bytes:
    """Return the agent's modules and the keeper's as a zip file that Python imports from."""
    paths = sorted((ROOT / "tests/agent").rglob("*.py"))
    ours = {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in paths}
    return agent_with({"tests/__init__.py": b"", **ours})


def agent_with(files: Mapping[str, bytes]) -> bytes:
    """Return the agent's zipapp with more files, or with others in place of its own."""
    buffer = io.BytesIO()
    own = zipfile.ZipFile(io.BytesIO(zipapp.agent()))
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted({*own.namelist(), *files}):
            archive.writestr(name, files[name] if name in files else own.read(name))
    return buffer.getvalue()


@contextmanager
def agent_guest(kernel: str, directory: Path, *, mapped: bool = False) -> Iterator[Shell]:
    """Boot a guest with a disk for a raw image, and put the agent into it.

    :param mapped: Whether its root is on device mapper, with a scratch disk beside.
    """
    images.build([kernel])
    spec = GuestSpec(kernel=kernel, vcpus=1)
    if mapped:
        spec = replace(spec, root=(Linear(),), scratch_mib=256)
    scenario = Scenario(name="agent", guest=spec, method=AgentMethod(target=Target.RAW))
    job = bench(directory, "auto", proof=False).job(scenario)
    with kept(Lab.of(job)) as up:
        agent.ship(up.shell, Deadline.after(120, "the agent"))
        yield up.shell


@contextmanager
def guest(kernel: str, directory: Path) -> Iterator[Shell]:
    """Boot a guest, and put the modules into it."""
    images.build([kernel])
    scenario = Scenario(name="agent", guest=GuestSpec(kernel=kernel))
    job = bench(directory, "auto", proof=False).job(scenario)
    with kept(Lab.of(job)) as up:
        up.shell.push(modules(), ARCHIVE, 0o644, Deadline.after(60, "the modules"))
        yield up.shell
