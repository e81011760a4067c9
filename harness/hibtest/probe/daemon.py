"""The witness daemon: plants all, holds them, and looks at them when it is asked."""

from __future__ import annotations

import json
import os
import select
import socket
from collections.abc import Iterator
from pathlib import Path

from hibtest.probe import procfs
from hibtest.probe.base import (
    FAULTS,
    PATIENCE,
    Facts,
    Lacking,
    Planted,
    ProbeError,
    Witness,
    describe,
)
from hibtest.probe.detached import detach

SOCKET = "probe.sock"
PLANTED = "planted.json"
PID = "daemon.pid"
# Until all is planted.
PLANT = 30.0 * PATIENCE
# From one answer to the next: more than any witness waits, and less than the host waits for all.
ANSWER = 5.0 * PATIENCE


def early() -> tuple[Witness, ...]:
    """Return the witnesses that need nothing to be loaded, in the order of their planting."""
    from hibtest.probe.witnesses import (
        clocks,
        console,
        counter,
        each_cpu,
        files,
        ipc,
        memory,
        network,
        processes,
        storage,
        waiters,
        workers,
    )

    first = (counter, memory, files, ipc, network, clocks, waiters)
    rooms = (*first, processes, each_cpu, workers, storage, console)
    return tuple(witness for room in rooms for witness in room.WITNESSES)


def late() -> tuple[Witness, ...]:
    """Return the others; the threads come last, when all have started theirs."""
    from hibtest.probe.witnesses import devmapper, system, threads

    return (*devmapper.WITNESSES, *system.WITNESSES, *threads.WITNESSES)


def plant(*, private: bool) -> tuple[Facts, dict[str, Planted]]:
    """Plant all witnesses.

    :param private: Leave out those that would outlive the daemon.
    :return: The facts to report, ``{"boot_id", "witnesses": {name: facts}}``, and the
        witnesses that are there. A witness that cannot be planted is reported as
        ``{"lacking": why}`` when the guest has no such thing, else as ``{"error": why}``.
    """
    loading = None if private else load_modules()
    reports: dict[str, Facts] = {}
    there: dict[str, Planted] = {}
    for kind in early():
        plant_one(kind, reports, there, private=private)
    if loading is not None:
        os.waitpid(loading, 0)
    for kind in late():
        plant_one(kind, reports, there, private=private)
    return {"boot_id": procfs.boot_id(), "witnesses": reports}, there


def plant_one(
    kind: Witness, reports: dict[str, Facts], there: dict[str, Planted], *, private: bool
) -> None:
    if private and not kind.private:
        reports[kind.name] = {"lacking": "left out: it would outlive the daemon"}
        return
    try:
        there[kind.name] = kind.plant()
        reports[kind.name] = there[kind.name].facts
    except Lacking as lacking:
        reports[kind.name] = {"lacking": str(lacking)}
    except FAULTS as error:
        reports[kind.name] = {"error": describe(error)}


def look(there: dict[str, Planted]) -> Iterator[tuple[str, Facts]]:
    """Yield name and ``{"found": facts} | {"error": why}`` of each witness.

    All are asked before the first is looked at, and all waits count from then on: together they
    take as long as the longest of them, and not as all.
    """
    with procfs.together():
        for planted in there.values():
            planted.ask()
        for name, planted in there.items():
            try:
                yield name, {"found": planted.look()}
            except FAULTS as error:
                yield name, {"error": describe(error)}


def load_modules() -> int | None:
    """Start to load what witnesses and exercises need, so that no module appears later.

    :return: The process that does so; ``None`` in a guest whose kernel has no modules.
    """
    argv = ["modprobe", "-qa", "dm-zero", "loop"]
    try:
        return os.posix_spawnp("modprobe", argv, os.environ)
    except FileNotFoundError:
        return None


def serve(run: Path, report: int, *, private: bool) -> None:
    """Plant all witnesses, write the facts to the descriptor ``report``, and answer for ever."""
    facts, there = plant(private=private)
    text = json.dumps(facts).encode()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(run / SOCKET))
        listener.listen(4)
        keep(run / PID, str(os.getpid()).encode())
        keep(run / PLANTED, text)
        with os.fdopen(report, "wb") as pipe:
            pipe.write(text + b"\n")
        while True:
            connection, _ = listener.accept()
            with connection:
                answer(connection, there)


def answer(connection: socket.socket, there: dict[str, Planted]) -> None:
    try:
        for report in look(there):
            connection.sendall(json.dumps(report).encode() + b"\n")
    except OSError:
        return  # whoever asked has gone; the next one will be answered


def keep(path: Path, text: bytes) -> None:
    """Write a file so that it is there whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_bytes(text)
    part.replace(path)


def ask(run: Path) -> Facts:
    """Ask the daemon for the state of all witnesses.

    :return: ``{"boot_id", "witnesses": {name: {"found": facts} | {"error": why}}}``;
        ``"witnesses"`` is ``None`` when nothing was planted in this life. That the daemon is gone,
        or does not answer, is an ``"error"`` of every witness that it has not told of: a process
        that was lost is a finding.
    """
    if not (run / PLANTED).exists():
        return {"boot_id": procfs.boot_id(), "witnesses": None}
    planted = json.loads((run / PLANTED).read_text())["witnesses"]
    left = [name for name, facts in planted.items() if "lacking" not in facts]
    reports: dict[str, Facts] = {}
    why = ""
    try:
        for name, report in answers(run):
            reports[name] = report
            left.remove(name)
    except TimeoutError:
        at = f", asked for {left[0]}" if reports else ""
        why = f"the daemon did not answer in {ANSWER:.0f} s{at}{whereabouts(run)}"
    except OSError as error:
        why = f"the daemon is gone: {describe(error)}"
    except (ValueError, TypeError):
        pass  # half an answer, or none
    if left:
        lost = {"error": why or "the daemon died while it answered"}
        reports = {name: reports.get(name, lost) for name in planted}
    return {"boot_id": procfs.boot_id(), "witnesses": reports}


def whereabouts(run: Path) -> str:
    pid = procfs.number(run / PID)
    if pid is None:
        return ""
    wchan = procfs.read_or(f"/proc/{pid}/wchan", "")
    return f": process {pid} is in state {procfs.state(pid)}, in {wchan}"


def answers(run: Path) -> Iterator[tuple[str, Facts]]:
    """Yield what the daemon tells of each witness, see :func:`look`."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(ANSWER)
        connection.connect(str(run / SOCKET))
        with connection.makefile("rb") as lines:
            for line in lines:
                name, report = json.loads(line)
                yield name, report


def start(run: Path, *, private: bool) -> int:
    """Start the daemon in a session of its own; return where it will write what it planted."""
    reader, writer = os.pipe()
    detach(lambda: serve(run, writer, private=private), run / "daemon.log")
    os.close(writer)
    return reader


def planted(run: Path, reader: int) -> Facts:
    """Return what the daemon planted.

    :raise ProbeError: When it died while it planted, or does not end.
    """
    with os.fdopen(reader, "rb") as pipe:
        # One line, for the end of the pipe does not come: children of the daemon hold it too.
        ready, _, _ = select.select([pipe], [], [], PLANT)
        text = pipe.readline() if ready else b""
    if not text:
        log = procfs.read_or(run / "daemon.log", "").splitlines()[-1:]
        raise ProbeError("daemon", f"the daemon died while it planted: {' '.join(log)}")
    return dict(json.loads(text))
