"""A host that is only pretended: its QEMU says its version, guest files are names, workers scripts.

Where a worker is to be started, a shell script is, with the run's directory in ``$run`` and the
scenario's name in ``$name``; as it comes, it leaves the evidence that was laid out for the name.
"""

import shlex
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from hibtest import images
from hibtest.evidence import Boot, Evidence, to_json
from hibtest.job import EVIDENCE
from hibtest.spec import OWN_KERNEL, GuestFiles, Role
from hibtest.spec.lacking import Missing
from hibtest.spec.needs import NEEDS, lack
from tests.cycle.jobs import files_in
from tests.verdict.recordings import recordings

RELEASE = "6.12.1-pretended"
SHA256 = "ab" * 32


@dataclass
class Host:
    """A host on which scenarios can be run.

    :ivar place: A directory for all that is its own.
    :ivar files: What every guest is booted from.
    :ivar built: Kernels whose guest disks were asked to be built.
    :ivar own: Kernels of one's own that were asked for, each with its modules.
    :ivar lacks: Options that those have not.
    """

    place: Path
    files: GuestFiles
    built: list[tuple[str, ...]] = field(default_factory=list)
    own: list[tuple[str, Path | None]] = field(default_factory=list)
    lacks: tuple[str, ...] = ()

    @property
    def runs(self) -> Path:
        """Where runs go."""
        return self.place / "runs"

    @property
    def lacking(self) -> tuple[Missing, ...]:
        """What those kernels lack."""
        return missing(*self.lacks)

    def program(self, name: str, script: str) -> Path:
        """Install a program, of these lines of shell."""
        path = self.place / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    def works(self, script: str) -> None:
        """Have workers do this."""
        words = f'run=$3 name=$(basename "$(dirname "$3")") place={shlex.quote(str(self.place))}'
        leaves = f'leaves() {{ cp "$place/evidence/$name" "$run/{EVIDENCE}"; }}'
        self.program("worker", f"{words}\n{leaves}\n{script}")

    def saw(self, name: str, evidence: Evidence | bytes) -> None:
        """Lay out the evidence that a run of a scenario leaves."""
        there = self.place / "evidence" / name
        there.parent.mkdir(exist_ok=True)
        there.write_bytes(evidence if isinstance(evidence, bytes) else to_json(evidence))

    def panics(self, name: str) -> None:
        """Have the run of a scenario surprise."""
        panic = "Kernel panic - not syncing: x"
        boot = Boot(role=Role.SAVE, directory="save", ready=True, panic=panic)
        self.saw(name, Evidence(scenario=name, boots=(boot,)))


def missing(*options: str) -> tuple[Missing, ...]:
    """Return what a kernel lacks that has everything but some options."""
    found = (lack(need, lambda option: "n" if option in options else "y") for need in NEEDS)
    return tuple(one for one in found if one)


def pretended(place: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    """Return a host; runs that were recorded are what its workers leave."""
    place.mkdir()
    files = replace(files_in(place), release=RELEASE)
    host = Host(place, files)
    for one in recordings():
        host.saw(one.scenario, one.content(EVIDENCE))
    host.program("qemu-system-x86_64", "echo QEMU emulator version 10.0.2")
    host.works("leaves")
    monkeypatch.setattr(sys, "executable", str(place / "bin" / "worker"))
    monkeypatch.setenv("PATH", str(place / "bin"), prepend=":")
    monkeypatch.setenv("XDG_CACHE_HOME", str(place / "cache"))

    def named(kernel: str) -> GuestFiles:
        return replace(files, kernel_name=kernel)

    def build(wanted: Iterable[str], *_: object) -> None:
        host.built.append(tuple(wanted))

    def own(
        kernel: str, modules: Path | None = None, *_: Any, doubt: Callable[[str], None] = print
    ) -> GuestFiles:
        host.own.append((kernel, modules))
        return replace(named(OWN_KERNEL), lacks=host.lacking)

    monkeypatch.setattr(images, "guest_files", named)
    monkeypatch.setattr(images, "build", build)
    monkeypatch.setattr(images, "own_kernel", own)
    monkeypatch.setattr(images, "own_lacks", lambda *_: host.lacking)
    monkeypatch.setattr(images, "as_then", lambda then, _report: then)
    monkeypatch.setattr(images, "sha256", lambda _files: SHA256)
    monkeypatch.setattr(images, "are_ours", lambda _files: True)
    monkeypatch.setattr(images, "damaged", lambda _files: ())
    return host
