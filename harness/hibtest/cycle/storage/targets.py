"""Where the agent writes its image to, when it is not a swap."""

from pathlib import Path

from hibtest.cycle.storage.part import NewDisk, Part, by_serial, zeros
from hibtest.imageserver import make_keys
from hibtest.imageserver.keys import CLIENT
from hibtest.spec import AgentMethod, GuestFiles, Scenario, Target

KEYS = "keys"  # the directory of an image server's keys, in the run's
STORED = "image.hib"  # what it stores


def target_of(scenario: Scenario) -> Target | None:
    """Return where the agent writes to; ``None`` when the kernel writes the image."""
    return scenario.method.target if isinstance(scenario.method, AgentMethod) else None


def target_part(scenario: Scenario) -> Part:
    """Return what the agent's target brings along: nothing when the image lies in a swap."""
    match target_of(scenario):
        case Target.RAW:
            make = zeros(scenario.guest.memory_mib)
            disk = NewDisk(serial="image", file="image.raw", make=make)
            device = by_serial("image")
            return Part(disks=(disk,), device=device, swap=device, file=disk.file)
        case Target.SERVER:
            file = f"{KEYS}/{CLIENT}"
            disk = NewDisk(serial="keys", file=file, make=_make_keys, readonly=True)
            return Part(disks=(disk,), file=STORED)
        case _:
            return Part()


def _make_keys(path: Path, _: GuestFiles) -> None:
    make_keys(path.parent)
