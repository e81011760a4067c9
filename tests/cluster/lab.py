"""A lab on loopback: a real scheduler, real workers each with a cache of its own, no guests."""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hibtest.deadline import Deadline, wait_readable
from hibtest.images import names, recipes
from hibtest.images.kernels import kernel
from hibtest.job import EVIDENCE
from hibtest.store import Store
from tests.verdict.recordings import recordings

ROOT = Path(__file__).parents[2]
RELEASE = "6.12.0-pretended"
START = 60.0  # s
HOLE = 9 << 20  # bytes of a disk that are none, beyond what one piece has


@dataclass(frozen=True, slots=True)
class Lab:
    """Machines that are directories.

    :ivar place: For all that is theirs.
    :ivar address: Of the scheduler.
    :ivar scheduler: Its process.
    """

    place: Path
    address: str
    scheduler: int

    def cache(self, host: str) -> Path:
        """Return what is $XDG_CACHE_HOME on a host."""
        return self.place / host

    def store(self, host: str) -> Store:
        """Return the guest disks of a host."""
        return Store(self.cache(host) / "hibtest")

    def works(self, script: str) -> None:
        """Have runs do this, with their directory in $run and the scenario's name in $name."""
        (self.place / "script").write_text(script)

    @contextmanager
    def worker(self, name: str, memory: int = 0) -> Iterator[subprocess.Popen[str]]:
        """Have a host with one seat take part until left.

        :param memory: In MiB; 0: as much as there is.
        """
        program = ("-m", "tests.cluster.pretended", str(self.place / "bin" / "worker"))
        words = (self.address, "1", name, str(memory))
        with started(*program, *words, env=environment(self.place, name)) as one:
            first_line(one)
            yield one


def environment(place: Path, host: str) -> dict[str, str]:
    """Return the environment of a host's processes."""
    path = f"{place / 'bin'}:{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "XDG_CACHE_HOME": str(place / host)}


@contextmanager
def started(*words: str, env: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
    """Start a process of ours, which is ended in the end."""
    with subprocess.Popen(
        [sys.executable, *words], cwd=ROOT, env=env, text=True, stdout=subprocess.PIPE
    ) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(START)
            finally:
                process.kill()


def first_line(process: "subprocess.Popen[str]") -> str:
    """Return what a process says first."""
    assert process.stdout
    deadline = Deadline.after(START, "the first line of a process")
    assert wait_readable([process.stdout.fileno()], deadline)
    return process.stdout.readline()


@contextmanager
def lab(place: Path, listen: str = "tcp://127.0.0.1:0") -> Iterator[Lab]:
    """Set up hosts, with a scheduler and no worker yet."""
    (place / "bin").mkdir()
    (place / "evidence").mkdir()
    for one in recordings():
        (place / "evidence" / one.scenario).write_bytes(one.content(EVIDENCE))
    _program(place / "bin" / "qemu-system-x86_64", "echo QEMU emulator version 10.0.2")
    there = shlex.quote(str(place))
    _program(
        place / "bin" / "worker",
        f'run=$3 name=$(basename "$(dirname "$3")") place={there}\n'
        f'leaves() {{ cp "$place/evidence/$name" "$run/{EVIDENCE}"; }}\n'
        f'. "$place/script"',
    )
    words = ("-m", "hibtest", "cluster", "scheduler", "--listen", listen)
    with started(*words) as scheduler:
        address = first_line(scheduler).split()[-1]
        made = Lab(place, address, scheduler.pid)
        made.works("leaves")
        yield made


def _program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def stock(store: Store) -> None:
    """Put guest disks of the kernel ``trixie`` into a cache, each with little in it."""

    def filled(*files: str) -> "_Filler":
        return _Filler(files)

    tree = store.make(recipes.debian("today"), filled("debian.tar")).name
    names.use_debian(store, tree)
    source = kernel("trixie")
    key = store.make(recipes.kernel(source, {}), filled("vmlinuz", "modules.squashfs")).name
    names.use_kernel(store, source, key)
    store.make(recipes.root(tree), filled("root.ext4", "id_ed25519", f"{names.HOST_KEY}.pub"))
    store.make(recipes.toolbox(tree), filled("toolbox.squashfs"))
    store.make(recipes.guest(key, tree), filled("initrd"))


@dataclass(frozen=True, slots=True)
class _Filler:
    files: tuple[str, ...]

    def __call__(self, directory: Path) -> Mapping[str, object]:
        for name in self.files:
            with (directory / name).open("wb") as file:
                file.write(b"ssh-ed25519 AAAA comment\n")
                if name.endswith(".ext4"):
                    file.seek(HOLE)
                    file.write(os.urandom(1 << 20))
        return {"release": RELEASE}
