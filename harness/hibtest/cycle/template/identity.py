"""What a template is bound to. Another value in any of this, and it is another template's name."""

import platform
import re
import subprocess
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from hibtest.cycle.proof.blocks import read_blocks
from hibtest.cycle.template.rule import Place
from hibtest.cycle.template.sums import Sums
from hibtest.job import Job
from hibtest.machine.argv import argv
from hibtest.machine.shape import Disk, DiskFormat, MachineSpec
from hibtest.machine.version import find_qemu
from hibtest.store import Recipe

_VERSION = 3  # of how templates are made: another one makes all that there are stale
# What a q35 machine with -kernel has run before the kernel (hw/i386/pc.c, x86-common.c, 10.0).
_FIRMWARE = ("bios-256k.bin", "linuxboot_dma.bin", "linuxboot.bin", "kvmvapic.bin")
_SECTOR = 512
_TABLE = 440  # where an MBR's disk signature (of PARTUUID) begins; its partitions follow
_CPUINFO = Path("/proc/cpuinfo")
_GPT = b"EFI PART"
_GPT_BYTES = 34 * _SECTOR  # both headers and 128 entries


def recipe_of(job: Job, spec: MachineSpec, place: Place, sums: Sums) -> Recipe:
    """Return what decides what a template holds.

    :raise OSError: When a file cannot be read.
    :raise HostError: When a disk of the run cannot.
    """
    run, qemu = str(job.directory), find_qemu(spec.qemu).resolve()
    others = (spec.kernel, spec.initrd, job.files.root, *_shared(spec, job.directory))
    inputs = {
        "version": _VERSION,
        "place": place,
        "qemu": [job.host.qemu, sums.of(qemu)],
        "cpu": _cpu(),  # the guest has measured its clock (TSC)
        "firmware": [sums.of(path) for path in _firmware(qemu)],
        "debug": spec.debug,  # the memory of such a machine has another name
        "argv": [word.replace(run, "RUN") for word in argv(spec)],
        "files": [sums.of(path) for path in others if path is not None],
        "disks": [_disk(disk, place) for disk in spec.disks if disk.path.is_relative_to(run)],
    }
    return Recipe(kind=f"template-{place}", inputs=inputs)


def _cpu() -> list[str]:
    """Return the architecture of this host, and what its first CPU is called."""
    lines = _CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return [platform.machine(), next(names, "")]


def _shared(spec: MachineSpec, run: Path) -> Iterator[Path]:
    """Yield the disks that are not the run's own."""
    for disk in spec.disks:
        if not disk.path.is_relative_to(run):
            yield disk.path


def _disk(disk: Disk, place: Place) -> str:
    """Return what a guest knows of a run's own disk when it comes to a place."""
    if place is Place.READY:
        return str(read_blocks(disk.path))
    if disk.format is DiskFormat.QCOW2:
        return "as the disk that it lies on"
    return f"{disk.path.stat().st_size} {_partitions(disk.path).hex()}"


# The kernel reads partition tables when it finds a disk (disk_scan_partitions(), block/genhd.c, 6.1
# to 6.12), and drops what it has read when it closes the disk then (blkdev_flush_mapping()).
def _partitions(path: Path) -> bytes:
    with path.open("rb") as disk:
        begin = disk.read(_GPT_BYTES)
    mbr, rest = begin[:_SECTOR], begin[_SECTOR:]
    table = mbr[_TABLE:] if mbr.endswith(b"\x55\xaa") else b""
    return table + (rest if rest.startswith(_GPT) else b"")


@lru_cache
def _firmware(qemu: Path) -> tuple[Path, ...]:
    """Return the firmware that a QEMU takes, from the first directory that has it."""
    command = (str(qemu), "-L", "help")
    told = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    places = [Path(line) for line in re.split(r"\n+", told.stdout) if line.startswith("/")]
    found = ([place / name for place in places if (place / name).is_file()] for name in _FIRMWARE)
    return tuple(paths[0] for paths in found if paths)
