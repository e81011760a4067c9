"""Stops and continues the animals of a guest, and tells how they fared, as JSON.

Run in a guest, never on a host: ``python3 -m tests.agent.keeper COMMAND WORD``.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from array import array
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from hibtest.agent import kmsg, pageout, stop, tasks
from hibtest.agent.errors import AgentError
from hibtest.agent.stop import hierarchy, sigstop
from tests.agent import animals
from tests.agent.animals import child, seen, states, wait_until
from tests.agent.zoo import COUNTERS, Facts, Journal, Zoo, go_on, moves

FREEZE, UNFREEZE, FREE, CREATE_IMAGE = 0x3301, 0x3302, 0x3305, 0x40043311
FIFREEZE, FITHAW = 0xC0045877, 0xC0045878
SECONDS = 10.0


def cycle(how: str) -> Facts:
    """Stop, freeze, unfreeze, undo; return what was seen at each step."""
    journal = Journal()
    with Zoo() as zoo, animals.forking():
        before = zoo.states()
        stopper = stop.prepare(how, frozenset({os.getpid()}))
        still = stopper.stop(journal, SECONDS)
        facts: Facts = {
            "before": before,
            "still": [one._asdict() for one in still],
            "stopped": zoo.states(),
            "moved_while_stopped": moves(*(COUNTERS if how == "freezer" else ())),
            "facts": stopper.facts(),
            "wchan": {name: tasks.wchan(pid, pid) for name, pid in zoo.pids.items()},
        }
        freeze_for_a_moment()
        facts |= {
            "unfrozen": zoo.states(),
            "moved_while_unfrozen": moves() if how != "freezer" else {},
        }
        began = time.monotonic()
        journal.undo()
        facts["undo_seconds"] = time.monotonic() - began
        wait_until(lambda: zoo.states() == before, f"what was before: {before} {zoo.states()}")
        facts["went_on_after"] = go_on()
        zoo.settle()
        facts["eintr"] = {name: seen(name) for name in animals.CALLS}
        facts["seen"] = {name: seen(name) for name in animals.SIGNALS}
        facts["said"] = zoo.shell.listen() + zoo.idle.listen()
        facts["foreground"] = zoo.shell.foreground() == zoo.pids["job"]
        facts["left"] = own_cgroups()
        return facts


def freeze_for_a_moment() -> None:
    """Freeze and thaw; the kernel refuses when it cannot freeze all (EBUSY)."""
    fd = os.open("/dev/snapshot", os.O_RDONLY)
    try:
        fcntl.ioctl(fd, FREEZE)
        fcntl.ioctl(fd, UNFREEZE)
    finally:
        os.close(fd)


def needed(how: str) -> Facts:
    """Continue one of the stopped."""
    journal = Journal()
    with Zoo() as zoo:
        before = zoo.states()
        stopper = stop.prepare(how, frozenset({os.getpid()}))
        still = stopper.stop(journal, SECONDS)
        stopper.go([zoo.pids["busy"], zoo.pids["stopped"]])
        facts: Facts = {"gone": moves("busy"), "states": zoo.states()}
        facts |= {"still": [one._asdict() for one in still]}
        journal.undo()
        wait_until(lambda: zoo.states() == before, "what was before")
        return facts | {"went_on_after": go_on()}


def killed(how: str) -> Facts:
    """Kill the worker at its journal's first entry, then after more and more of its changes."""
    deaths: list[int] = []
    with Zoo() as zoo:
        before = zoo.states()
        for changes in range(0, 1000, 5):
            journal = Journal(fatal=0 if changes else 1)
            _, status = os.waitpid(child(partial(work, how, journal, changes, os.getpid())), 0)
            journal.undo()
            wait_until(lambda: zoo.states() == before, f"what was before death {len(deaths)}")
            if not os.WIFSIGNALED(status):
                break
            deaths.append(changes)
        return {"deaths": deaths, "went_on_after": go_on(), "left": own_cgroups()}


def work(how: str, journal: Journal, changes: int, guardian: int) -> None:
    """Stop all; be killed right after so many signals sent or files written."""
    made = 0
    changers: dict[str, tuple[Any, str]] = {
        "sigstop": (sigstop, "send"), "cgroup": (hierarchy, "write"),
    }  # fmt: skip
    module, name = changers[how]
    change = getattr(module, name)

    def counted(*arguments: Any) -> Any:
        nonlocal made
        made += 1
        done = change(*arguments)
        if made == changes:
            os.kill(os.getpid(), signal.SIGKILL)
        return done

    setattr(module, name, counted)
    stop.prepare(how, frozenset({guardian, os.getpid()})).stop(journal, SECONDS)


def own_cgroups() -> list[str]:
    return [str(path) for path in Path("/sys/fs/cgroup").glob("hibtest-*")]


def slices(what: str) -> Facts:
    """Stop by cgroup where processes are in cgroups below the root's, as systemd has it."""
    del what
    root = "/sys/fs/cgroup"
    service, session, paused = f"{root}/a.slice/x.service", f"{root}/u.slice/s.scope", f"{root}/p"
    for path in (service, session, paused):
        Path(path).mkdir(parents=True)
    busy, idle = child(animals.busy), child(animals.wait_for_signals)
    with animals.forking() as forker:
        return _slices(root, (service, session, paused), (busy, forker, idle))


def _slices(root: str, places: tuple[str, ...], pids: tuple[int, ...]) -> Facts:
    (service, session, paused), (busy, forker, idle) = places, pids
    homes = {busy: service, forker: service, idle: paused, os.getpid(): session}
    for pid, path in homes.items():
        hierarchy.write(f"{path}/cgroup.procs", str(pid))
    hierarchy.write(f"{paused}/cgroup.freeze", "1")
    wait_until(lambda: seen("busy"), "a counter")

    def where() -> list[bool]:
        # without the forker, which ends, and leaves its place to what it has forked
        lasting = {pid: home for pid, home in homes.items() if pid != forker}
        return [hierarchy.cgroup_of(pid, root) == home for pid, home in lasting.items()]

    journal = Journal()
    stopper = stop.prepare("cgroup", frozenset({os.getpid()}))
    still = [one._asdict() for one in stopper.stop(journal, SECONDS)]
    facts: Facts = {"still": still, "stopped": moves(), "where": where()}
    stopper.go([busy, forker, idle])
    facts |= {"gone": moves("busy"), "gone_where": where()}
    journal.undo()
    first = seen("busy")
    wait_until(lambda: seen("busy") > first, "a counter that moves")
    facts["undone_where"] = where()
    facts["frozen"] = [hierarchy.read(f"{path}/cgroup.freeze").strip() for path in homes.values()]
    facts["tops"] = sorted(path.name for path in Path(root).iterdir() if path.is_dir())
    os.kill(idle, signal.SIGKILL)  # it was frozen before it could ask to end with us
    return facts | {"refused": refused_when_threaded(root)}


def refused_when_threaded(root: str) -> str:
    Path(root, "t").mkdir()
    hierarchy.write(f"{root}/t/cgroup.type", "threaded")
    try:
        stop.prepare("cgroup", frozenset())
    except AgentError as error:
        return str(error)
    return ""


def stuck(how: str) -> Facts:
    """Stop while a writer waits for a frozen file system."""
    journal = Journal()
    subprocess.run(["modprobe", "loop"], check=True)
    with tempfile.TemporaryDirectory() as directory:
        disk, mount = Path(directory, "disk"), Path(directory, "mount")
        disk.write_bytes(b"")
        os.truncate(disk, 16 << 20)
        mount.mkdir()
        subprocess.run(["mke2fs", "-q", "-t", "ext4", disk], check=True)
        subprocess.run(["mount", "-o", "loop", disk, mount], check=True)
        fd = os.open(mount, os.O_RDONLY)
        fcntl.ioctl(fd, FIFREEZE, 0)
        writer = child(lambda: (mount / "file").write_bytes(b"x"))
        wait_until(lambda: states(writer) == "D", "a writer in state D")
        stopper = stop.prepare(how, frozenset({os.getpid()}))
        still = stopper.stop(journal, 2.0)
        fcntl.ioctl(fd, FITHAW, 0)
        wait_until(lambda: states(writer) != "D", "the writer's way out")
        journal.undo()
        os.close(fd)
        os.waitpid(writer, 0)
        subprocess.run(["umount", mount], check=True)
    ours = [one._asdict() for one in still if one.pid == writer]
    return {"writer": ours, "others": len(still) - len(ours)}


def walk(what: str) -> Facts:
    """Walk 200 processes; return how long that took."""
    del what
    for _ in range(200):
        child(animals.wait_for_signals)
    began = time.monotonic()
    found = len(list(tasks.walk()))
    return {"tasks": found, "seconds": time.monotonic() - began}


def image(how: str) -> Facts:
    """Push memory out, or not; make the snapshot, throw it away; return the kernel's numbers."""

    def eat() -> None:
        area = bytearray(os.urandom(4096) * 16384)  # 64 MiB
        area[0] = 1
        animals.wait_for_signals()

    eater = child(eat)
    wait_until(lambda: resident(eater) > 16384, "64 MiB in use")
    wait_until(lambda: states(eater) == "S", "a process at rest")
    journal, log = Journal(), kmsg.KernelLog()
    stopper = stop.prepare("sigstop", frozenset({os.getpid()}))
    switched = kmsg.debug_messages(journal)
    stopper.stop(journal, SECONDS)
    pushed = pageout.run([eater], how) if how != "none" else {}
    made = array("i", [-1])
    fd = os.open("/dev/snapshot", os.O_RDONLY)
    try:
        fcntl.ioctl(fd, FREEZE)
        fcntl.ioctl(fd, CREATE_IMAGE, made)
        fcntl.ioctl(fd, FREE)
        fcntl.ioctl(fd, UNFREEZE)
    finally:
        os.close(fd)
        journal.undo()
    texts = log.new()
    numbers = kmsg.numbers(texts)
    os.kill(eater, signal.SIGKILL)
    return {"pushed": pushed, "numbers": numbers, "made": made[0], "switch": switched}


def resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])


def main() -> None:
    commands: dict[str, Callable[[str], Facts]] = {
        "cycle": cycle, "needed": needed, "killed": killed, "stuck": stuck, "image": image,
        "slices": slices, "walk": walk,
    }  # fmt: skip
    facts = commands[sys.argv[1]](sys.argv[2])
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
