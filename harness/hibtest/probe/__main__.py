"""The probe's commands.

``plant``  starts the hibernator and the witness daemon, prints
           ``{"boot_id", "witnesses", "places"}``
           (``--private`` leaves out what would outlive the daemon: for a machine that is no guest)
``check``  prints the state of all witnesses, ``"witnesses": null`` in a life without any
``levels`` ends the SSH sessions that a hibernation cut off, and prints what is in use (levels.py)
``audit``  exercises what hibernation switches off or reserves: a JSON line ``{"begin": name}``
           before and ``{"name", "ok", "detail", "seconds"}`` after each exercise
``workload NAME``  sets up disks that stand on processes; ``workload-check NAME`` looks at them
``read-back JSON`` looks at what the writers of an earlier life left on the disks
``stopped JSON``   stops everybody but some, and tries what a hibernation does (stopping.py)
``device`` starts the server that drives /dev/snapshot (snapshotdev/server.py), and prints what of
           the kernel's options cases depend on and it ``lacks``

After ``plant`` the examiner takes ``check``, ``levels`` and ``audit`` through a port as well
(examiner.py), and ends what they print with ``{"status": N}``. All print JSON lines. What cannot
be done is ``{"error": {"kind", "message"}}``, status 1; of kind ``lacking`` it has the ``option``
as well.
To hibernate, write a mode, such as ``platform``, to the FIFO /run/hibtest/hibernate.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

from hibtest.probe.base import FAULTS, RUN, Facts, Lacking, ProbeError, describe


def plant(*, private: bool = False) -> None:
    """Start the hibernator and the daemon, and record the state before the hibernation."""
    from hibtest.probe import daemon

    RUN.mkdir(parents=True, exist_ok=True)
    if (RUN / daemon.PLANTED).exists():
        raise ProbeError("planted", "witnesses are planted already in this life")
    # While the daemon plants, the state is recorded here.
    pipe = daemon.start(RUN, private=private)
    from hibtest.probe import examiner, hibernator
    from hibtest.probe.audit import before
    from hibtest.probe.detached import detach

    finder = before.find_symbols(RUN)
    hibernator.make(RUN)
    detach(lambda: hibernator.serve(RUN), RUN / "hibernator.log")
    before.record(RUN, finder)
    answer = {**daemon.planted(RUN, pipe), "places": before.recorded()["places"]}
    if not private:
        examiner.start(RUN, main)
    emit(answer)


def check() -> None:
    """Print the state of all witnesses."""
    from hibtest.probe import daemon

    emit(daemon.ask(RUN))


def levels() -> None:
    """Print what is in use."""
    from hibtest.probe import levels as room

    emit(room.levels())


def audit() -> None:
    """Exercise everything, printing as it goes."""
    from hibtest.probe.audit import before, runner, table

    for line in runner.run(table.exercises(before.recorded())):
        emit(line)


def workload(name: str) -> None:
    """Set up a workload."""
    from hibtest.probe.workloads import table

    emit(table.plant(name))


def workload_check(name: str) -> None:
    """Look at a workload."""
    from hibtest.probe.workloads import table

    emit(table.check(name))


def left_on_disks(acknowledged: str) -> None:
    """Look at what the writers of an earlier life left on the disks."""
    from hibtest.probe.witnesses import storage

    emit(storage.after(json.loads(acknowledged)))


def stopped(wish: str) -> None:
    """Try what a hibernation does while processes are stopped."""
    from hibtest.probe import stopping

    emit(stopping.run(json.loads(wish)))


def device() -> None:
    """Start the server that drives /dev/snapshot, and tell what the kernel lacks for some cases."""
    from hibtest.probe.snapshotdev import lacks, server

    RUN.mkdir(parents=True, exist_ok=True)
    server.start(RUN)
    emit({"lacks": lacks.lacks()})


def emit(value: Facts) -> None:
    """Print one JSON line at once."""
    print(json.dumps(value), flush=True)


COMMANDS: dict[str, Callable[[], None]] = {
    "plant": plant,
    "plant --private": lambda: plant(private=True),
    "check": check,
    "audit": audit,
    "levels": levels,
    "device": device,
}


# Those that take one word.
WITH_WORD: dict[str, Callable[[str], None]] = {
    "workload": workload,
    "workload-check": workload_check,
    "stopped": stopped,
    "read-back": left_on_disks,
}


def find(argv: list[str]) -> Callable[[], None] | None:
    """Return the command that words mean, ``None`` when they mean none."""
    if len(argv) == 2 and argv[0] in WITH_WORD:
        return lambda: WITH_WORD[argv[0]](argv[1])
    return COMMANDS.get(" ".join(argv))


def main(argv: list[str]) -> int:
    """Carry out one command.

    :return: The exit status.
    """
    command = find(argv)
    if command is None:
        known = ", ".join((*COMMANDS, *(f"{name} WORD" for name in WITH_WORD)))
        return refuse("usage", f"one command of {known} is wanted, not {argv}")
    try:
        command()
    except ProbeError as error:
        return refuse(error.kind, error.message)
    except Lacking as lacking:
        return refuse("lacking", str(lacking), lacking.option)
    except FAULTS as error:
        return refuse("fault", describe(error))
    return 0


def refuse(kind: str, message: str, option: str = "") -> int:
    """Print an error; return the exit status that says so."""
    error: dict[str, str] = {"kind": kind, "message": message}
    emit({"error": {**error, "option": option} if option else error})
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
