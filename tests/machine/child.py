"""Programs that tests start and do harm to: ``python -m tests.machine.child NAME DIR...``."""

import sys
from collections.abc import Callable
from pathlib import Path

from hibtest.deadline import Deadline
from hibtest.machine.disk import full_disk
from hibtest.machine.process import start
from tests.machine.guests import IDLE, WRITE, bare, boot_disk


def hold(directory: Path) -> None:
    """Start a machine, print its process id, and wait for the worst."""
    spec = bare(boot_disk(directory / "disk.img", IDLE))
    try:
        with start(spec, directory / "machine") as machine:
            print(machine.pid, flush=True)
            machine.wait(Deadline.after(120, "the worst"))
    except KeyboardInterrupt:
        print(f"interrupted, {machine.exit()}", flush=True)


def fill(directory: Path, small: Path) -> None:
    """Let a guest write to a disk whose file system, ``small``, is full; print the error."""
    spec = bare(boot_disk(small / "disk.img", WRITE))
    with (small / "filler").open("xb", buffering=0) as filler:
        try:
            while True:
                filler.write(bytes(4096))
        except OSError as error:
            print(error.strerror, flush=True)
    with start(spec, directory) as machine:
        event = machine.monitor.wait_event("BLOCK_IO_ERROR", Deadline.after(60, "the full disk"))
        print(full_disk(event), flush=True)


if __name__ == "__main__":
    programs: dict[str, Callable[..., None]] = {"hold": hold, "fill": fill}
    programs[sys.argv[1]](*map(Path, sys.argv[2:]))
