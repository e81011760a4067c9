"""The lines of docs/findings.md that need nothing of ours: a real kernel does what it says."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hibtest import images
from hibtest.bench.prepare import Bench
from hibtest.cycle.guest import Guest, kept
from hibtest.cycle.lab import Lab
from hibtest.errors import GuestError
from hibtest.spec import GuestSpec, Scenario, Stage, SwapDisk

pytestmark = pytest.mark.guest

DOCS = Path(__file__).parent.parent / "docs"
DRIVER = "snapshot.c"
FATAL = "./snapshot w FREEZE UNFREEZE load:/run/image"
# How many pages an image has, where they lie, and who is who, differs from run to run.
VARIES = re.compile(r"\b\d{5,}\b|(?<=state:)\d+|(?<=ALLOC )\d+")


def shown() -> dict[str, list[str]]:
    """Return the commands of the section on /dev/snapshot, and what each prints."""
    text = (DOCS / "findings.md").read_text()
    section = text.split("\n## /dev/snapshot\n")[1].split("\n## ")[0]
    found: dict[str, list[str]] = {}
    printed: list[str] | None = None
    for line in section.splitlines():
        if line.startswith("    $ "):
            printed = found.setdefault(line.removeprefix("    $ "), [])
        elif line.startswith("    ") and printed is not None:
            printed.append(line.strip())
        else:
            printed = None
    return found


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the program that drives the device, as docs/findings.md has it compiled."""
    program = tmp_path_factory.mktemp("driver") / "snapshot"
    argv = ["cc", "-Wall", "-Wextra", "-Werror", "-static", "-o", str(program), str(DOCS / DRIVER)]
    subprocess.run(argv, check=True)
    return program.read_bytes()


@pytest.fixture
def guest(hib_bench: Bench) -> Iterator[Guest]:
    images.build(["trixie"])
    spec = GuestSpec(kernel="trixie", vcpus=1)
    scenario = Scenario(name="findings-KERNEL", guest=spec, layout=(SwapDisk(size_mib=64),))
    with kept(Lab.of(hib_bench.job(scenario))) as guest:
        yield guest


def test_what_the_page_shows_is_what_a_kernel_does(guest: Guest, driver: bytes) -> None:
    def said(command: str) -> list[str]:
        deadline = guest.run.deadline(Stage.WITNESS, command)
        came = guest.shell.run(f"cd /run && {{ {command}; }}", deadline, check=False)
        return f"{came.stdout}{came.stderr}".splitlines()

    pushing = guest.run.deadline(Stage.WITNESS, "the program that drives /dev/snapshot")
    guest.shell.push(driver, "/run/snapshot", 0o755, pushing)
    commands = shown()
    assert commands.pop(FATAL) == []
    assert len(commands) > 6
    for command, printed in commands.items():
        found = [VARIES.sub("N", line) for line in said(command)]
        assert found == [VARIES.sub("N", line) for line in printed], command
    with pytest.raises(GuestError):
        said(FATAL)
    watch = guest.run.watch
    watch.until(watch.ended, "the end of a kernel that has met a NULL pointer")
    lines = "\n".join(watch.last_lines())
    assert "RIP: 0010:snapshot_write_next+0x" in lines
