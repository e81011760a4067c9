"""The witness of each CPU: a thread bound to it, that thread's timer, and its interrupts."""

from __future__ import annotations

import _thread
import os
import time

from hibtest.probe import procfs, shared, syscalls
from hibtest.probe.base import Facts, Planted, Witness
from hibtest.probe.detached import child
from hibtest.probe.witnesses.processes import SETTLE, pause

INTERVAL = 0.25
# Of the CPU's own timer, without which nobody who sleeps there wakes up (arch/x86/kernel/irq.c).
TIMER = "LOC:"
STACK = 256 << 10


def each_cpu() -> Planted:
    """A thread bound to each CPU that is online, which sleeps, and counts how often it woke up.

    Planted: ``{"pid", "starttime", "cpus": {cpu: {"ticks", "at", "interrupts"}}}``: how often the
    thread woke up, on which CPU the last time, and how many interrupts that CPU's timer made
    (``None``: nobody counts them). Found: the same, and ``"later"``: its ticks and interrupts a
    moment afterwards.
    """
    cpus = sorted(procfs.cpus())
    counts, places = shared.Words(len(cpus)), shared.Words(len(cpus))
    pid = child(lambda: start(cpus, counts, places))
    procfs.wait_for(lambda: all(counts), SETTLE)

    def now() -> dict[int, Facts]:
        made = interrupts(procfs.read_or("/proc/interrupts", ""))
        return {
            cpu: {"ticks": counts[n], "at": places[n], "interrupts": made.get(cpu)}
            for n, cpu in enumerate(cpus)
        }

    def look() -> Facts:
        first = later = now()

        def went_on() -> bool:
            nonlocal later
            later = now()
            return all(ahead(first[cpu], later[cpu]) for cpu in cpus)

        procfs.wait_for(went_on, SETTLE, every=INTERVAL / 2)
        for cpu, facts in first.items():
            after = later[cpu]
            facts.update(at=after["at"], later=[after["ticks"], after["interrupts"]])
        return {**procfs.identity(pid), "cpus": named(first)}

    return Planted({**procfs.identity(pid), "cpus": named(now())}, look)


def start(cpus: list[int], counts: shared.Words, places: shared.Words) -> None:
    """Start the threads, and keep them."""
    _thread.stack_size(STACK)
    for number, cpu in enumerate(cpus):
        _thread.start_new_thread(tick, (cpu, number, counts, places))
    pause()


def tick(cpu: int, number: int, counts: shared.Words, places: shared.Words) -> None:
    os.sched_setaffinity(0, {cpu})
    while True:
        time.sleep(INTERVAL)
        places[number] = syscalls.LIBC.sched_getcpu()
        counts.add(number)


def ahead(first: Facts, later: Facts) -> bool:
    """Return whether a thread has woken up since, and its CPU's timer has made an interrupt."""
    made = first["interrupts"] is None or (later["interrupts"] or 0) > first["interrupts"]
    return bool(made and later["ticks"] > first["ticks"])


def named(cpus: dict[int, Facts]) -> Facts:
    return {str(cpu): facts for cpu, facts in cpus.items()}


def interrupts(table: str) -> dict[int, int]:
    """Return how many interrupts each CPU's timer made; CPUs that are offline are not there.

    >>> interrupts("      CPU0  CPU2\\nLOC:  7  9  Local timer interrupts")
    {0: 7, 2: 9}
    """
    heading, *lines = table.splitlines() or [""]
    cpus = [int(word[3:]) for word in heading.split()]
    for line in lines:
        name, *words = line.split()
        if name == TIMER:
            return dict(zip(cpus, map(int, words[: len(cpus)])))  # noqa: B905 (3.9)
    return {}


WITNESSES = (Witness("each-cpu", each_cpu),)
