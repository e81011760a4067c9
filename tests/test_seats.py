"""A run that gets no seat is a run with trouble, not a traceback."""

import os
from pathlib import Path

import pytest

from hibtest.evidence import GuestKernel, Host
from hibtest.job import Job
from hibtest.machine import turns
from hibtest.runner import run
from hibtest.spec import GuestFiles, GuestSpec, Scenario


def test_seats_that_cannot_be_had_are_a_fault_of_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seats = tmp_path / f"hibtest-seats-{os.getuid()}"
    seats.symlink_to(tmp_path)
    monkeypatch.setattr(turns, "seats_directory", lambda: seats)
    nothing = tmp_path / "nothing"
    files = GuestFiles(
        kernel_name="trixie", release="6.12", kernel=nothing, initrd=nothing, root=nothing,
        toolbox=nothing, modules=None, ssh_key=nothing, host_key="", manifest=nothing,
    )  # fmt: skip
    job = Job(
        scenario=Scenario(name="a", guest=GuestSpec(kernel="trixie")),
        files=files,
        kernel=GuestKernel(name="trixie", release="6.12", sha256=""),
        host=Host(qemu="10.0", accel="tcg", accel_reason=""),
        qemu="qemu-system-x86_64",
        directory=tmp_path,
        proof=False,
    )
    evidence = run(job, lambda _: None)
    assert evidence.trouble is not None
    assert evidence.trouble.kind == "HostError"
    assert str(seats) in evidence.trouble.message
    assert (tmp_path / "evidence.json").exists()
