"""How the witness of each CPU may differ from the one that was planted."""

from collections.abc import Mapping
from typing import Any

Facts = Mapping[str, Any]


def each_cpu(planted: Facts, found: Facts) -> list[str]:
    """The same threads go on, each on its CPU, whose timer goes on making interrupts."""
    wrong = [
        f"{key} was {planted[key]}, is {found[key]}"
        for key in ("pid", "starttime")
        if planted[key] != found[key]
    ]
    for cpu, was in planted["cpus"].items():
        wrong += [f"CPU {cpu}: {text}" for text in _cpu(int(cpu), was, found["cpus"][cpu])]
    return wrong


def _cpu(cpu: int, was: Facts, now: Facts) -> list[str]:
    ticks, interrupts = now["later"]
    wrong = []
    if now["at"] != cpu:
        wrong.append(f"its thread runs on CPU {now['at']}")
    if now["ticks"] < was["ticks"]:
        wrong.append(f"its thread counted back from {was['ticks']} to {now['ticks']}")
    if ticks <= now["ticks"]:
        wrong.append(f"its timer does not fire any more, after {now['ticks']} times")
    return wrong + _interrupts(was["interrupts"], now["interrupts"], interrupts)


def _interrupts(was: int | None, now: int | None, later: int | None) -> list[str]:
    if was is None:  # nobody counts them
        return []
    if now is None or later is None:
        return ["it has no count of timer interrupts any more"]
    if now < was:
        return [f"its timer interrupts went back from {was} to {now}"]
    return [] if later > now else [f"its timer interrupts stand still at {now}"]
