"""What a writer's disk may have, and what not, of what it wrote across a snapshot."""

from collections.abc import Mapping
from typing import Any

from hibtest.evidence import WitnessReport

Facts = Mapping[str, Any]
NAMES = ("storage-root", "storage-data")
_KINDS = ("lost", "future")
CALLED = tuple(f"storage-{kind}" for kind in _KINDS)  # what a verdict calls one whose disk is wrong
_SAID = {
    "lost": "{way}: number {number} is lost, at byte {place}: {upto} were acknowledged",
    "future": "{way}: number {number}, at byte {place}, is from the future: this life did not"
    " write it",
    "errno": "{way}: the writer failed with errno {number}",
}


def storage(planted: Facts, found: Facts) -> list[str]:
    """All that was acknowledged is there, in order, and nothing that this life did not write.

    Of a disk that another life looks at, there is no writer to be found.
    """
    upto = found.get("acknowledged", planted["acknowledged"])
    wrong = []
    for first in filter(None, (found.get("first"), found["wrong"])):
        way, kind, number, place = first
        wrong.append(_SAID[kind].format(way=way, number=number, place=place, upto=upto))
    if "writer" in found:
        wrong += _writer(planted, found)
    return wrong


def _writer(planted: Facts, found: Facts) -> list[str]:
    wrong = []
    if found["writer"] != planted["writer"]:
        wrong.append(f"the writer was {planted['writer']}, is {found['writer']}")
    if found["acknowledged"] < planted["acknowledged"]:
        wrong.append(f"went back from {planted['acknowledged']} to {found['acknowledged']}")
    if not found["goes_on"]:
        wrong.append(f"stands still at {found['acknowledged']}")
    return wrong


def name_of(report: WitnessReport) -> str:
    """Return what a witness that is not in order is called in a verdict: by what is wrong."""
    if report.name in NAMES and isinstance(report.found, Mapping):
        for first in filter(None, (report.found.get("first"), report.found.get("wrong"))):
            if isinstance(first, list | tuple) and first[1:2] and first[1] in _KINDS:
                return f"storage-{first[1]}"
    return report.name.replace(" ", "-")
