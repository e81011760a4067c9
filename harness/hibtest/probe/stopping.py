"""What does the kernel do when the processes that its disks stand on are stopped?

Stops all user processes by SIGSTOP, lets some go on, and tries what a hibernation does: a sync,
the reading of memory that is swapped out, SNAPSHOT_FREEZE. Each is tried in a child, with a
deadline; one that hangs is let go on by continuing everybody.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import mmap
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from hibtest.linux.descriptors import closing
from hibtest.linux.snapshot import DEVICE, IOCTLS
from hibtest.probe import pages, procfs, syscalls
from hibtest.probe.base import PATIENCE, Facts, errno_name
from hibtest.probe.detached import child
from hibtest.probe.witnesses import memory
from hibtest.probe.workloads import disks

STILL = ("", *"TtZX")  # gone, or not running and not going to by itself
TIMEOUT = "/sys/power/pm_freeze_timeout"  # in milliseconds, of each phase
# what is dirty stays so until somebody asks: the flusher threads do not wake up by themselves
WRITEBACK = "/proc/sys/vm/dirty_writeback_centisecs"
PASSES = 20
GROUP = Path("/sys/fs/cgroup/hibtest-paged-out")


def run(wish: Facts) -> Facts:
    """Stop everybody and try.

    :param wish: ``{"stop": bool, "soil": file, "store": file, "continued": [pid...], "again": bool,
        "seconds": limit, "freeze_seconds": limit, "page_in": bool}``: which file is made dirty
        before, where its server keeps it, who goes on, whether they are stopped once more
        before the freeze.
    :return: ``{"stopped": count, "refusing": [[pid, comm, state]...], "steps": {name: step}}``;
        a step is ``{"ended", "errno", "seconds", "where"}``, where it hung being the functions
        of the kernel it was in, and ``"later"``: its errno once everybody had been continued.
        With a store: ``"arrived"``, whether what is dirty had been written to it by then.
    """
    with setting(WRITEBACK, 0), setting(TIMEOUT, 1000 * wish["freeze_seconds"]):
        return tried(wish)


def tried(wish: Facts) -> Facts:
    helpers = Helpers(wish)
    exempt = {os.getpid(), 1, helpers.pager}
    chosen = set(wish.get("continued", ()))
    tries = Tries(float(wish["seconds"]) * PATIENCE, helpers.arriving)
    stopped = stop_all(exempt) if wish.get("stop", True) else set()
    try:
        # one that has not run since it was told can only be given the time to
        procfs.wait_for(lambda: not going(stopped), 2)
        refusing = [about(pid) for pid in going(stopped)]
        send(chosen, signal.SIGCONT)
        tries.one("sync", os.sync)
        if helpers.pager:
            helpers.let_go()
            tries.follow("page-in", helpers.pager)
        if wish.get("again"):
            stop_all(exempt | tries.left())
        tries.limit += float(wish["freeze_seconds"])
        tries.one("freeze", freeze)
    finally:
        send(stopped, signal.SIGCONT)
        helpers.end()
    tries.settle()
    answer = {"stopped": len(stopped), "refusing": refusing, "steps": tries.steps}
    return {**answer, "in_memory": helpers.in_memory} if helpers.pager else answer


@contextlib.contextmanager
def setting(path: str, value: int) -> Iterator[None]:
    """Give a setting of the kernel another value for a while."""
    before = procfs.read(path)
    procfs.write(path, str(value))
    try:
        yield
    finally:
        procfs.write(path, before)


class Tries:
    """Steps that are tried, and what became of them.

    :param limit: Seconds that each may take.
    :param arriving: Files of servers, and what they hold when all has been written.
    """

    def __init__(self, limit: float, arriving: list[tuple[Path, bytes]]) -> None:
        self.limit = limit
        self.arriving = arriving
        self.steps: dict[str, Facts] = {}
        self.hanging: dict[str, int] = {}

    def one(self, name: str, work: Callable[[], object]) -> None:
        """Try one step in a child of its own."""
        pid = os.fork()
        if pid == 0:
            os._exit(status_of(work))
        self.follow(name, pid)

    def follow(self, name: str, pid: int) -> None:
        """Wait for a step that a child has begun."""
        began = time.monotonic()
        status = ended(pid, self.limit)
        step: Facts = {"ended": status is not None, "seconds": time.monotonic() - began}
        if status is None:
            self.hanging[name] = pid
            step["where"] = where(pid)
        else:
            step["errno"] = errno_name(status) if status else ""
        for store, data in self.arriving:
            step["arrived"] = store.read_bytes() == data
        self.steps[name] = step

    def left(self) -> set[int]:
        """Return the children that have not come back."""
        return set(self.hanging.values())

    def settle(self) -> None:
        """Wait for the children that hung: everybody runs again."""
        for name, pid in self.hanging.items():
            status = ended(pid, 2 * self.limit)
            self.steps[name]["later"] = None if status is None else errno_name(status)[:40]
            if status == 0:
                self.steps[name]["later"] = ""


def status_of(work: Callable[[], object]) -> int:
    try:
        work()
    except OSError as error:
        return error.errno or errno.EIO
    return 0


def ended(pid: int, limit: float) -> int | None:
    """Return a child's status, ``None`` when it has not ended in time."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    return None


def where(pid: int) -> list[str]:
    """Return the functions that a process sleeps in, innermost first."""
    stack = procfs.read_or(f"/proc/{pid}/stack", "").splitlines()
    return [line.split()[-1].partition("+")[0] for line in stack][:12]


def freeze() -> None:
    """Freeze and thaw at once, through /dev/snapshot."""
    with closing(os.open(DEVICE, os.O_RDONLY)) as fd:
        fcntl.ioctl(fd, IOCTLS["FREEZE"].number)
        fcntl.ioctl(fd, IOCTLS["UNFREEZE"].number)


class Helpers:
    """Two processes that are there before anybody is stopped.

    One keeps a dirty file open: to close it would write it. The other has memory that is
    swapped out, and reads it when it is let go.

    :ivar arriving: The file of a server, and what it holds when all has been written.
    :ivar pager: The second one, 0 when it is not wanted.
    :ivar in_memory: How many of its pages are not on the swap alone.
    """

    def __init__(self, wish: Facts) -> None:
        seed = disks.SEED + os.getpid()
        self.arriving: list[tuple[Path, bytes]] = []
        self.pids: list[int] = []
        self.pager = self.in_memory = 0
        if wish.get("page_in"):
            ready, self.go = os.pipe(), os.pipe()
            self.pager = child(lambda: page_in(ready[1], self.go[0]))
            self.in_memory = int(os.read(ready[0], 16) or b"-1")
            self.pids.append(self.pager)
        if wish.get("soil"):
            pipe = os.pipe()
            self.pids.append(child(lambda: keep_dirty(Path(wish["soil"]), seed, pipe[1])))
            os.read(pipe[0], 16)
            if wish.get("store"):
                self.arriving.append((Path(wish["store"]), pages.content(disks.PAGES, seed)))

    def let_go(self) -> None:
        """Have the memory read."""
        os.write(self.go[1], b"go")

    def end(self) -> None:
        """End the first; the second ends by itself."""
        for pid in self.pids:
            if pid != self.pager:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)


def keep_dirty(path: Path, seed: int, ready: int) -> None:
    disks.soil(path, seed)
    os.write(ready, b"dirty")
    while True:
        signal.pause()


def page_in(ready: int, go: int) -> None:
    """Have memory of our own swapped out, tell how much is in memory still; read it when told."""
    GROUP.mkdir(exist_ok=True)
    with contextlib.suppress(OSError):  # it may be on already, or be there for no one
        procfs.write(GROUP.parent / "cgroup.subtree_control", "+memory")
    procfs.write(GROUP / "cgroup.procs", str(os.getpid()))
    area = mmap.mmap(-1, memory.MIB, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    area[:] = pages.content(memory.MIB // pages.SIZE, 42)
    area.madvise(memory.MADV_PAGEOUT)

    def out() -> bool:
        # what was written to swap stays in memory, too, until its place is wanted
        with contextlib.suppress(OSError):  # EAGAIN: it could not reclaim as much
            procfs.write(GROUP / "memory.reclaim", "1M")
        return syscalls.mincore(area) == 0

    procfs.wait_for(out, 10)
    # and what a loop device wrote stays in the page cache of the file below it
    os.sync()
    procfs.write("/proc/sys/vm/drop_caches", "1")
    os.write(ready, str(syscalls.mincore(area)).encode())
    os.read(go, 16)
    sum(area[at] for at in range(0, len(area), pages.SIZE))


def stop_all(exempt: set[int]) -> set[int]:
    """Stop every user process but the exempt; return those that this has stopped."""
    stopped: set[int] = set()
    for _ in range(PASSES):
        running = {pid for pid in users() if pid not in exempt and procfs.state(pid) not in STILL}
        if not running - stopped and not any(procfs.state(pid) == "R" for pid in running):
            break
        send(running, signal.SIGSTOP)
        stopped |= running
    return stopped


def going(pids: Iterable[int]) -> list[int]:
    """Return those that are there, and not stopped."""
    return [pid for pid in pids if procfs.state(pid) not in STILL]


def users() -> Iterable[int]:
    """Return all processes but kernel threads."""
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208
    found = ((pid, procfs.stat(f"/proc/{pid}/stat")) for pid in pids)
    return [pid for pid, stat in found if stat is not None and not stat.kernel]


def send(pids: Iterable[int], number: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def about(pid: int) -> list[object]:
    return [pid, procfs.read_or(f"/proc/{pid}/comm", ""), procfs.state(pid)]
