"""Jobs with guest files that are nothing but names, a root disk of 1 MiB apart."""

from dataclasses import replace
from pathlib import Path

from hibtest.evidence import GuestKernel, Host
from hibtest.job import Job
from hibtest.spec import GuestFiles, GuestSpec, Linear, Scenario

ONE = Scenario(name="one", guest=GuestSpec(kernel="trixie"))
NO_SWAP = replace(ONE, layout=())
COMPARED = replace(ONE, guest=replace(ONE.guest, root=(Linear(),)))  # its root disk is


def files_in(directory: Path, cache: Path | None = None) -> GuestFiles:
    """Return guest files.

    :param directory: Where the root disk is made.
    :param cache: Where the others would be.
    """
    root, cache = directory / "root.ext4", cache or directory
    root.write_bytes(b"root".ljust(1 << 20, b"\0"))
    root.chmod(0o444)
    return GuestFiles(
        kernel_name="trixie",
        release="6.12",
        kernel=cache / "vmlinuz",
        initrd=cache / "initrd",
        root=root,
        toolbox=cache / "toolbox",
        modules=None,
        ssh_key=cache / "key",
        host_key="",
        manifest=cache / "manifest",
    )


def job_in(directory: Path, scenario: Scenario = ONE) -> Job:
    """Return a job, with a run directory that is there, and no proof."""
    run = directory / "run"
    run.mkdir()
    return Job(
        scenario=scenario,
        files=files_in(directory),
        kernel=GuestKernel(name="trixie", release="6.12", sha256=""),
        host=Host(qemu="10.0", accel="tcg"),
        qemu="qemu",
        directory=run,
        proof=False,
    )
