"""Runs inside the guest: one save up to the snapshot, cancelled there, with its undoing.

``python3 inside.pyz HOW SCRATCH WHAT``, HOW as --protect takes it, prints facts as JSON. WHAT is
what happens to the save: ``clean`` (nothing is written), ``written`` (the filesystem is released
and written to), ``killed`` (the process that saves is killed after the snapshot), ``early``
(killed as soon as the protection is there), ``full`` (more is written than the scratch holds),
``others`` (the root filesystem has been frozen by somebody else).
"""

from __future__ import annotations

import ctypes
import json
import mmap
import os
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

from hibtest.agent.device import SnapshotDevice
from hibtest.agent.errors import AgentError
from hibtest.agent.guardian.journal import Journal
from hibtest.agent.protect import UNDO, Settings, fsfreeze, prepare
from hibtest.agent.protect.filesystems import writable
from hibtest.linux.dm import Control

SIZE = 1 << 20
OLD, NEW = b"o" * SIZE, b"n" * SIZE


class File:
    """A file whose blocks are written, open for direct I/O and for the page cache."""

    def __init__(self, path: Path) -> None:
        path.write_bytes(OLD)
        self.direct = os.open(path, os.O_RDWR | os.O_DIRECT)
        os.fsync(self.direct)
        self.page = mmap.mmap(-1, SIZE)
        self.page.write(NEW)

    def overwrite(self) -> None:
        os.pwrite(self.direct, self.page, 0)


def worker(how: str, settings: Settings, what: str, journal: Journal, out: Any) -> NoReturn:
    """Go through the save; ends with 0."""
    facts: dict[str, Any] = {}
    files = [File(Path(f"/root/witness-{number}")) for number in range(8 if what == "full" else 1)]
    os.sync()
    if what == "others":
        fsfreeze.FsFreeze(writable()).apply(Journal())
    try:
        protection = prepare(how, settings)
        device = SnapshotDevice()
        device.freeze()
        facts["applied"] = protection.apply(journal)
        if what == "early":
            os.kill(os.getpid(), signal.SIGKILL)
        facts["saving"] = device.create_image()
        facts["empty"] = statuses()
        if what in {"written", "full"}:
            facts["released"] = protection.release()
            facts["errors"] = write(files)
            facts["used"] = statuses()
        if what == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        device.free()
        device.unfreeze()
    except AgentError as error:
        facts["error"] = str(error)
    out.write(json.dumps(facts).encode())
    os._exit(0)


def undo(journal: Journal) -> list[str]:
    """Carry out a journal; return what kinds of entries it had."""
    for kind, args in journal.entries():
        UNDO[kind](args)
    return [kind for kind, _ in journal.entries()]


def write(files: list[File]) -> int:
    """Overwrite files; return how many could not be."""
    errors = 0
    for file in files:
        try:
            file.overwrite()
        except OSError:
            errors += 1
    return errors


def statuses() -> dict[str, str]:
    """Return what the snapshots that are there say of themselves."""
    with Control() as control:
        lines = {name: control.status(name)[0] for name in control.names()}
    return {name: line.params for name, line in lines.items() if line.kind.startswith("snapshot")}


def main() -> None:
    """Be the guardian."""
    how, scratch, what = sys.argv[1:]
    ctypes.CDLL(None).mlockall(1 | 2)
    journal, out = Journal(), mmap.mmap(-1, 1 << 16)
    before = tables()
    pid = os.fork()
    if not pid:
        worker(how, Settings(scratch=scratch), what, journal, out)
    _, status = os.waitpid(pid, 0)
    text = out.read().rstrip(b"\0")
    facts = json.loads(text) if text else {}
    facts["signal"] = status & 127
    try:
        facts["undone"] = undo(journal)
        undo(journal)  # twice is as good as once
    except AgentError as error:
        facts["undo_error"] = str(error)
    if what == "others":
        facts["thawed"] = fsfreeze.FsFreeze(writable()).thaw()
    facts["tables_as_before"] = tables() == before
    facts["content"] = contents()
    print(json.dumps(facts))


def contents() -> list[str]:
    """Return what the files hold on the disk."""
    Path("/proc/sys/vm/drop_caches").write_text("3")
    found = sorted(Path("/root").glob("witness-*"))
    names = {OLD: "old", NEW: "new"}
    return [names.get(path.read_bytes(), "neither") for path in found]


def tables() -> dict[str, Any]:
    """Return all tables of device mapper."""
    if not Path("/dev/mapper/control").exists():
        return {}
    with Control() as control:
        return {name: control.table(name) for name in control.names()}


if __name__ == "__main__":
    main()
