"""``hibtest inspect``: what a disk holds of a hibernation image. Needs no QEMU and no run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hibtest.errors import ExitStatus, HostError, SpecError

if TYPE_CHECKING:
    from hibtest.image.e820 import MemoryMap
    from hibtest.image.survey import Watcher

_LONGEST_LOG = 64 << 20  # bytes


def inspect(
    disk: Annotated[
        Path | None, typer.Argument(metavar="DISK", help="Raw, qcow2 or a block device.")
    ] = None,
    offset: Annotated[
        int, typer.Option(metavar="N", min=0, help="Block of the header: resume_offset.")
    ] = 0,
    partition: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Look into this partition.")
    ] = None,
    pages: Annotated[bool, typer.Option("--pages", help="List all pages first.")] = False,
    boot: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="LOG", help="Would the machine of this boot take it? Twice: what differs?"
        ),
    ] = None,
    stream: Annotated[
        bool, typer.Option("--stream", help="It is a raw stream of /dev/snapshot.")
    ] = False,
    backing: Annotated[
        bool, typer.Option("--backing", help="Also open the disks that a qcow2 disk lies on.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Say what a disk holds of a hibernation image, and what a resume would say.

    Without a DISK: how the memory maps of two boots differ.

    Exit status: 0 a sound image or none, 1 a damaged one, 2 wrong usage, 69 no disk to read.
    Without a DISK: 0 the same map, 1 another.
    """
    from hibtest.cli.inspect_text import PagePrinter, lines, to_line
    from hibtest.evidence import to_json
    from hibtest.image.disk import open_disk
    from hibtest.image.survey import survey_disk
    from hibtest.printable import printable, printable_json

    maps = _maps(boot or [])
    if disk is None:
        return _compare(maps, json=json)
    watch: Watcher | None = PagePrinter(json=json) if pages else None
    with open_disk(disk, partition=partition, backing=backing) as device:
        found = survey_disk(device, offset=offset, boots=maps, watch=watch, stream=stream)
    if json:
        print(printable_json(to_line(found) if pages else to_json(found).decode()), end="")
    else:
        print("\n".join(map(printable, lines(found, str(disk)))))
    return ExitStatus.EXPECTED if found.sound else ExitStatus.UNEXPECTED


def _compare(maps: tuple[MemoryMap, ...], *, json: bool) -> int:
    from hibtest.cli.inspect_text import change_lines
    from hibtest.evidence import to_json
    from hibtest.image.e820_changes import changes

    if len(maps) != 2:
        raise SpecError("there is neither a DISK nor --boot OLD --boot NEW")
    found = changes(*maps)
    if json:
        print(to_json({"map_changes": found}).decode(), end="")
    else:
        print("\n".join(change_lines(found)))
    return ExitStatus.UNEXPECTED if found else ExitStatus.EXPECTED


def _maps(logs: list[Path]) -> tuple[MemoryMap, ...]:
    if len(logs) > 2:
        raise SpecError(f"--boot was given {len(logs)} times; two boots can be compared")
    return tuple(map(_map, logs))


def _map(log: Path) -> MemoryMap:
    from hibtest.given import opened
    from hibtest.image.e820 import log_map

    with opened(log, "log", device=False) as fd:
        try:
            text = os.pread(fd, _LONGEST_LOG + 1, 0)
        except OSError as error:
            raise HostError(f"{log}: {error.strerror}") from error
    if len(text) > _LONGEST_LOG:
        raise HostError(f"{log}: a log of more than {_LONGEST_LOG >> 20} MiB")
    try:
        return log_map(text.decode("latin-1"))  # a character a byte
    except SpecError as error:
        raise SpecError(f"{log}: {error.message}", hint=error.hint) from error
