"""The disks of a run: all in its directory, the same ones in the same order for all boots."""

from pathlib import Path

from hibtest.cycle.layout import make_swap_disk
from hibtest.image.place import ImagePlace
from hibtest.imageserver import make_keys
from hibtest.imageserver.keys import CLIENT
from hibtest.machine.disk import copy, overlay, sparse
from hibtest.machine.shape import Disk, DiskFormat
from hibtest.spec import AgentMethod, GuestFiles, MappedRoot, Scenario, Target, WriteError

ROOT, SWAP, IMAGE = "root.qcow2", "swap.raw", "image.raw"
ROOT_COPY, SCRATCH = "root.raw", "scratch.raw"
STORED, KEYS = "image.hib", "keys"  # of an image server
NAMES = (ROOT, SWAP, IMAGE, STORED, f"{STORED}.lock", ROOT_COPY, SCRATCH)


def make_disks(scenario: Scenario, files: GuestFiles, directory: Path) -> None:
    """Make the disks that a run writes to.

    :raise HostError: When there is no room, or a tool is missing.
    """
    root = root_disk(scenario, directory)
    if root.format is DiskFormat.RAW:
        copy(files.root, root.path)
    else:
        overlay(files.root, root.path)
    if size := _scratch_mib(scenario):
        sparse(directory / SCRATCH, size)
    make_swap_disk(scenario.layout, directory / SWAP)
    if target_of(scenario) is Target.SERVER:
        make_keys(directory / KEYS)
    if target_of(scenario) is Target.RAW:
        sparse(directory / IMAGE, scenario.guest.memory_mib)


def disks(scenario: Scenario, files: GuestFiles, directory: Path) -> tuple[Disk, ...]:
    """Return the disks of a machine."""
    fails_at = {f.serial: f.at_mib << 20 for f in scenario.faults if isinstance(f, WriteError)}
    modules = [files.modules] if files.modules else []
    image = [directory / IMAGE] if target_of(scenario) is Target.RAW else []
    keys = [directory / KEYS / CLIENT] if target_of(scenario) is Target.SERVER else []
    scratch = [directory / SCRATCH] if _scratch_mib(scenario) else []
    return (
        root_disk(scenario, directory),
        Disk(serial="swap", path=directory / SWAP, fails_at=fails_at.get("swap")),
        Disk(serial="toolbox", path=files.toolbox, readonly=True),
        *(Disk(serial="modules", path=path, readonly=True) for path in modules),
        *(Disk(serial="image", path=path, fails_at=fails_at.get("image")) for path in image),
        *(Disk(serial="keys", path=path, readonly=True) for path in keys),
        *(Disk(serial="scratch", path=path) for path in scratch),
    )


def root_disk(scenario: Scenario, directory: Path) -> Disk:
    """Return the root disk: raw where its blocks are compared."""
    if isinstance(scenario.guest.root, MappedRoot):
        return Disk(serial="root", path=directory / ROOT_COPY)
    return Disk(serial="root", path=directory / ROOT, format=DiskFormat.QCOW2)


def image_place(scenario: Scenario, directory: Path) -> ImagePlace:
    """Return where the image of a scenario lies."""
    match target_of(scenario):
        case None:
            return ImagePlace(path=directory / SWAP)
        case Target.SWAP:
            return ImagePlace(path=directory / SWAP, agent=True)
        case Target.RAW:
            return ImagePlace(path=directory / IMAGE, agent=True, swap=False)
        case Target.SERVER:
            return ImagePlace(path=directory / STORED, agent=True, swap=False)


def compared(scenario: Scenario, directory: Path) -> tuple[Disk, ...]:
    """Return the disks that must not change after the snapshot, as far as they are raw."""
    root = root_disk(scenario, directory)
    return (root,) if root.format is DiskFormat.RAW else ()


def _scratch_mib(scenario: Scenario) -> int:
    root = scenario.guest.root
    return root.scratch_mib if isinstance(root, MappedRoot) else 0


def target_of(scenario: Scenario) -> Target | None:
    """Return where the agent writes to; ``None`` when the kernel writes the image."""
    return scenario.method.target if isinstance(scenario.method, AgentMethod) else None
