"""How a witness that works may differ from the one that was planted."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

Facts = Mapping[str, Any]


def working(planted: Facts, found: Facts) -> list[str]:
    """The same processes go on from where they stood, and never found what was not theirs."""
    wrong = []
    if found["workers"] != planted["workers"]:
        wrong.append(f"its processes were {planted['workers']}, are {found['workers']}")
    if found["errors"]:
        times = f", the first of {found['errors']} times" if found["errors"] > 1 else ""
        wrong.append(_first(*found["first"]) + times)
    if found["step"] < planted["step"]:
        wrong.append(f"went back from step {planted['step']} to {found['step']}")
    if not found["goes_on"]:
        wrong.append(f"stands still at step {found['step']}")
    elif found["silent"]:
        wrong.append(f"{found['silent']} of its workers did not answer")
    return wrong


def _first(kind: str, place: int, wanted: int, found: int) -> str:
    if kind == "page":
        age = "before" if found < wanted else "after"
        return f"page {place} is of pass {found}, {age} pass {wanted} in which it was written"
    if kind == "torn":
        return f"page {place}, of pass {wanted}, is torn: it begins as one of pass {found}"
    if kind == "turn":
        return f"worker {place} was to do step {wanted}, but its turn was for step {found}"
    if kind == "disk":
        return f"worker {place} had counted to {wanted} on the disk, which says {found}"
    return f"worker {place} could not count on the disk: errno {found}"


def console(planted: Facts, found: Facts) -> list[str]:
    """The same process counts on from where it was; no number is said twice or left out."""
    wrong = [f"{key} was {planted[key]}, is {found[key]}" for key in ("pid", "starttime")
             if planted[key] != found[key]]  # fmt: skip
    if found["count"] < planted["count"]:
        wrong.append(f"counted back from {planted['count']} to {found['count']}")
    if found["later"] <= found["count"]:
        wrong.append(f"stands still at {found['count']}")
    if found["astray"]:
        wrong.append(f"count was not its own {found['astray']} times")
    heard = found.get("console", {"now": [], "before": 0})
    twice = [number for number in heard["now"] if number <= heard["before"]]
    if twice:
        wrong.append(f"said {twice[0]} in an earlier boot already: it ran on after the snapshot")
    return wrong + _log(found["log"], max(planted["said"], found["said"]))


def _log(log: list[int], said: int) -> list[str]:
    """Return what is wrong with the numbers in a log, which may have lost the first of them."""
    for before, after in pairwise(log):
        if after != before + 1:
            return [f"in the kernel's log {after} comes after {before}"]
    if log and log[-1] < said:
        return [f"{said} was said, the kernel's log ends with {log[-1]}"]
    return []
