"""How a witness that was found may differ from the one that was planted: one rule for each.

Pure: planted and found facts come from the probe (:mod:`hibtest.probe`), where each witness
documents its own.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from hibtest.verdict import storage as disks
from hibtest.verdict import workers
from hibtest.verdict.each_cpu import each_cpu
from hibtest.verdict.mapper import device_mapper

Facts = Mapping[str, Any]
Rule = Callable[[Facts, Facts], list[str]]

# The hardware clock, by which the kernel knows how long it was off, counts whole seconds.
ASTRAY_SECONDS = 5.0
# Longer than a guest stands still at a time. The time it is off does not count in
# CLOCK_MONOTONIC (kernel/time/timekeeping.c timekeeping_inject_sleeptime64(), 6.1 to 7.3).
LEAP_SECONDS = 90.0
# States of a thread that it does not leave by itself.
LASTING = frozenset("TtZX")


def differences(name: str, planted: Any, found: Any) -> tuple[str, ...]:
    """Compare a witness with what was planted.

    :param planted: Its facts as ``plant`` printed them.
    :param found: Its facts as ``check`` printed them.
    :return: What differs, a phrase each; nothing when all is as it should be. A witness that
        the guest lacked when it was planted (``{"lacking": why}``) cannot differ.
    """
    rule = RULES.get(name)
    if name.startswith("workload "):
        rule = own if name.startswith("workload run-") else workload
    if rule is None:
        return (f"{name}: no rule for this witness",)
    if not isinstance(planted, Mapping):
        return (f"{name}: nothing is known of what was planted",)
    if "lacking" in planted:
        return ()
    if "error" in planted:
        return (f"{name}: could not be planted: {planted['error']}",)
    if not isinstance(found, Mapping):
        return (f"{name}: is gone",)
    try:
        return tuple(f"{name}: {difference}" for difference in rule(planted, found))
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        return (f"{name}: facts of another shape: {type(error).__name__} {error}",)


def same(planted: Facts, found: Facts) -> list[str]:
    """Every fact is what it was."""
    keys = sorted(planted.keys() | found.keys())
    return [
        f"{key} was {planted.get(key)!r}, is {found.get(key)!r}"
        for key in keys
        if planted.get(key) != found.get(key)
    ]


def pages(planted: Facts, found: Facts) -> list[str]:
    """Every page is what it was; the first that is not is named."""
    if found["named"]:
        number, was, now = found["named"][0]
        count = f"{found['differing']} of {planted['pages']} pages differ"
        return [f"{count}, the first is page {number} (CRC {was:#010x}, now {now:#010x})"]
    if (planted["pages"], planted["crc"]) != (found["pages"], found["crc"]):
        return ["content and page checksums changed together"]
    return []


def page_cache(planted: Facts, found: Facts) -> list[str]:
    """The cached pages are what they were, and so is the disk below them."""
    if isinstance(found["disk"], str):
        return [*pages(planted, found), f"disk could not be read: {found['disk']}"]
    return pages(planted, found) + [f"on disk: {text}" for text in pages(planted, found["disk"])]


def page_rule(*kept: str) -> Rule:
    """Every page is what it was, and so are these facts."""

    def rule(planted: Facts, found: Facts) -> list[str]:
        return pages(planted, found) + changed(planted, found, kept)

    return rule


def changed(planted: Facts, found: Facts, keys: Iterable[str]) -> list[str]:
    """Say which of these facts are others now."""
    return [
        f"{key} was {planted[key]!r}, is {found[key]!r}"
        for key in keys
        if planted[key] != found[key]
    ]


def counter(planted: Facts, found: Facts) -> list[str]:
    """The same process counts on from where it was."""
    wrong = changed(planted, found, ("pid", "starttime"))
    if found["count"] < planted["count"]:
        wrong.append(f"counted back from {planted['count']} to {found['count']}")
    if found["later"] <= found["count"]:
        wrong.append(f"stands still at {found['count']}")
    if found["astray"]:
        wrong.append(f"shared count was not its own {found['astray']} times")
    if found["back"] > 0:
        wrong.append(f"CLOCK_MONOTONIC went back by {found['back']:.3f} s")
    if found["ahead"] > LEAP_SECONDS:
        wrong.append(f"CLOCK_MONOTONIC leapt ahead by {found['ahead']:.0f} s")
    return wrong


def tcp(planted: Facts, found: Facts) -> list[str]:
    """What was in flight arrived, and more goes through."""
    wrong = changed(planted, found, ("ports",))
    for way in ("there", "back"):
        now = found[way]
        if now["received"] != now["sent"]:
            wrong.append(f"{way}: {now['sent']} bytes were sent, {now['received']} received")
        if now["sent"] < planted[way]["sent"] or not now["flight"]:
            wrong.append(f"{way}: nothing was in flight")
        if now["wrong_at"] is not None:
            wrong.append(f"{way}: the byte at {now['wrong_at']} is another one")
    return wrong


def clocks(planted: Facts, found: Facts) -> list[str]:
    """No clock goes back; the time off counts for boottime and realtime, or for neither."""
    wrong = [
        f"{clock} went back from {planted[clock]:.3f} to {found[clock]:.3f}"
        for clock in ("monotonic", "boottime", "realtime")
        if found[clock] < planted[clock]
    ]
    passed = {clock: found[clock] - planted[clock] for clock in ("boottime", "realtime")}
    if abs(passed["realtime"] - passed["boottime"]) > ASTRAY_SECONDS:
        took = ", ".join(f"{seconds:.1f} s of {clock}" for clock, seconds in passed.items())
        wrong.append(f"{took} have passed")
    if found["monotonic"] > found["boottime"]:
        wrong.append("monotonic is ahead of boottime")
    # A kernel that had to wait for its CPU gives a clock source up that nothing is wrong with.
    source = [] if found.get("delayed") is True else changed(planted, found, ("source",))
    return wrong + by_the_host(planted, found) + source


def by_the_host(planted: Facts, found: Facts) -> list[str]:
    """As much of realtime has passed as on the host, whose clock was read before and after.

    A probe that was asked by nobody but itself knows no host.
    """
    if "host" not in planted:
        return []
    least = found["host"][0] - planted["host"][1] - ASTRAY_SECONDS
    most = found["host"][1] - planted["host"][0] + ASTRAY_SECONDS
    passed = found["realtime"] - planted["realtime"]
    if least <= passed <= most:
        return []
    return [f"{passed:.1f} s of realtime have passed, {least:.1f} to {most:.1f} s on the host"]


def timerfd(planted: Facts, found: Facts) -> list[str]:
    """The timer runs at its interval."""
    still = [] if found["ticks"] and found["expirations"] else ["does not expire any more"]
    return changed(planted, found, ("interval",)) + still


def signal_timers(planted: Facts, found: Facts) -> list[str]:
    """Both timers go on sending signals."""
    names = ("setitimer", "timer_create")
    still = [name for name, ticks in zip(names, found["ticks"], strict=True) if not ticks]
    return changed(planted, found, ("pid",)) + [f"{name} sends no signals" for name in still]


def waiters(planted: Facts, found: Facts) -> list[str]:
    """Every waiter wakes up when it is woken; EINTR on the way is a fact, no fault."""
    wrong = changed(planted, found, ("pid", "starttime"))
    for name, wait in found["waits"].items():
        if not wait["woke"]:
            wrong.append(f"{name} did not wake up")
        if wait["errno"]:
            wrong.append(f"{name} failed with errno {wait['errno']}")
    return wrong


def modules(planted: Facts, found: Facts) -> list[str]:
    """No module is gone; more may have come."""
    now = found["modules"]
    return [f"{name} is {now.get(name, 'gone')}, was {was}"
            for name, was in planted["modules"].items() if now.get(name) != was]  # fmt: skip


def interrupts(planted: Facts, found: Facts) -> list[str]:
    """Every device has its interrupt still; counts are facts."""
    return [f"{name} is gone" for name in planted["interrupts"] if name not in found["interrupts"]]


def randomness(planted: Facts, found: Facts) -> list[str]:
    """No random number comes twice."""
    twice = found["now"] == planted["now"] or found["now"] in found["earlier"]
    return [f"{found['now']} came twice"] if twice else []


def mounts(planted: Facts, found: Facts) -> list[str]:
    """The same mounts; those that went and came are named."""
    was, now = set(planted["mounts"]), set(found["mounts"])
    gone = [f"gone: {line}" for line in sorted(was - now)]
    return gone + [f"new: {line}" for line in sorted(now - was)]


def threads(planted: Facts, found: Facts) -> list[str]:
    """All threads are there, stopped ones are stopped, and none is stuck."""
    now = {(tid, start): (comm, state) for tid, start, comm, state in found["threads"]}
    wrong = []
    for tid, start, comm, state, staying in planted["threads"]:
        if not staying:
            continue
        if (tid, start) not in now:
            wrong.append(f"{comm} ({tid}) is gone")
        elif {state, now[tid, start][1]} & LASTING and state != now[tid, start][1]:
            wrong.append(f"{comm} ({tid}) was in state {state}, is in {now[tid, start][1]}")
    for comm, count in planted["kernel"].items():
        left = found["kernel"].get(comm, 0)
        if left < count:
            wrong.append(f"{left} of {count} kernel threads {comm} are left")
    wrong += [f"{comm} ({tid}) is stuck in {wchan}" for tid, comm, _, wchan in found["stuck"]]
    exempt = [f"{comm} ({tid}) is exempt from freezing" for tid, comm, _ in found["exempt"]]
    return wrong + exempt


def workload(planted: Facts, found: Facts) -> list[str]:
    """The data is what it was, in the page cache and below it, and more can be written."""
    wrong = changed(planted, found, ("bytes", "crc", "server"))
    below = found.get("below", planted)
    if (below["bytes"], below["crc"]) != (planted["bytes"], planted["crc"]):
        wrong.append(f"its server has {below['bytes']} bytes of CRC {below['crc']:#010x}")
    if not found.get("writes", True):
        wrong.append("what is written to it does not come back")
    return wrong


def own(planted: Facts, found: Facts) -> list[str]:
    """A program of somebody's own still says that all is well."""
    if not found["status"]:
        return []
    return [f"`{planted['check']}` ended with status {found['status']}: {found['output']}"]


# Those that work until they are frozen.
_WORKING = (
    "working-memory", "working-shared", "working-tmpfs", "working-page-cache", "working-file",
    "working-huge",
)  # fmt: skip
# What is to be in every detail as it was.
_SAME = (
    "boot-id", "unlinked-file", "pipe", "descriptor-in-flight", "eventfd", "locks", "sysv-ipc",
    "network", "pending-timers", "stopped", "traced", "zombie", "vfork-parent", "realtime",
    "nice", "affinity", "cgroup", "swaps", "cpus", "settings",
)  # fmt: skip
RULES: dict[str, Rule] = {
    **dict.fromkeys(_SAME, same),
    **dict.fromkeys(("memory", "shared-memory", "tmpfs", "swapped-memory"), pages),
    "counter": counter,
    "each-cpu": each_cpu,
    "device-mapper": device_mapper,
    "locked-memory": page_rule("locked_kib"),
    "page-cache": page_cache,
    "memfd": page_rule("seals"),
    "tcp": tcp,
    "clocks": clocks,
    "timerfd": timerfd,
    "signal-timers": signal_timers,
    "waiters": waiters,
    "mounts": mounts,
    "modules": modules,
    "interrupts": interrupts,
    "randomness": randomness,
    "threads": threads,
    **dict.fromkeys(_WORKING, workers.working),
    "working-console": workers.console,
    **dict.fromkeys(disks.NAMES, disks.storage),
}
