"""``hibtest inspect``: what a disk holds of a hibernation image. Needs no QEMU and no run."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hibtest.errors import ExitStatus, HostError, SpecError

if TYPE_CHECKING:
    from hibtest.image.e820 import MemoryMap
    from hibtest.image.survey import Watcher

_LONGEST_LOG = 64 << 20  # bytes
_PAGE = 4096
_OFFSET = re.compile("([0-9]{1,19})([bskmgt]?)", re.IGNORECASE)
_UNITS = {"": _PAGE, "b": 1, "s": 512, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


def inspect(
    disk: Annotated[
        Path | None, typer.Argument(metavar="DISK", help="Raw, qcow2 or a block device.")
    ] = None,
    offset: Annotated[
        str,
        typer.Option(
            metavar="N", help="The header's place: a page, resume_offset; bytes with B K M G T."
        ),
    ] = "0",
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

    block, maps = offset_block(offset), _maps(boot or [])
    if disk is None:
        return _compare(maps, json=json)
    watch: Watcher | None = PagePrinter(json=json) if pages else None
    with open_disk(disk, partition=partition, backing=backing) as device:
        found = survey_disk(device, offset=block, boots=maps, watch=watch, stream=stream)
    if json:
        print(printable_json(to_line(found) if pages else to_json(found).decode()), end="")
    else:
        print("\n".join(map(printable, lines(found, str(disk)))))
    return ExitStatus.EXPECTED if found.sound else ExitStatus.UNEXPECTED


def offset_block(text: str) -> int:
    """Return the block that an offset names: pages of 4096 bytes, or bytes by a unit.

    :raise SpecError: When it is no such offset, or lies within a page.
    """
    found = _OFFSET.fullmatch(text.strip())
    if found is None:
        raise SpecError(
            f"--offset {text!r} is neither a page nor bytes",
            hint="34816 is a page of 4096 bytes; 142606336B, 139264K, 136M, 278528s (sectors of"
            " 512) are the same in bytes",
        )
    unit = _UNITS[found[2].lower()]
    block, rest = divmod(int(found[1]) * unit, _PAGE)
    if rest:
        raise SpecError(
            f"--offset {text} lies {rest} bytes within a page of {_PAGE}",
            hint="a swap's header begins with a page; --partition finds a partition anywhere",
        )
    return block


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
