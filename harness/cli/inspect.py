"""``hibtest inspect``: what a disk holds of a hibernation image. Needs no QEMU and no run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.errors import ExitStatus, HostError

if TYPE_CHECKING:
    from harness.image.survey import Watcher


def inspect(
    disk: Annotated[Path, typer.Argument(metavar="DISK", help="Raw, qcow2 or a block device.")],
    offset: Annotated[
        int, typer.Option(metavar="N", min=0, help="Block of the header: resume_offset.")
    ] = 0,
    partition: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Look into this partition.")
    ] = None,
    pages: Annotated[bool, typer.Option("--pages", help="List all pages first.")] = False,
    boot: Annotated[
        Path | None, typer.Option(metavar="LOG", help="Would the machine of this boot take it?")
    ] = None,
    stream: Annotated[
        bool, typer.Option("--stream", help="It is a raw stream of /dev/snapshot.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Say what a disk holds of a hibernation image, and what a resume would say.

    Exit status: 0 a sound image or none, 1 a damaged one, 2 wrong usage.
    """
    from harness.cli.inspect_text import PagePrinter, lines, to_line
    from harness.evidence import to_json
    from harness.image.disk import open_disk
    from harness.image.survey import survey_image, survey_stream

    if not stream and partition is None and (status := _agent(disk, json=json)) is not None:
        return status
    checksums = _boot_checksums(boot) if boot else None
    watch: Watcher | None = PagePrinter(json=json) if pages else None
    survey = survey_stream if stream else survey_image
    with open_disk(disk, partition=partition) as device:
        found = survey(device, offset=offset, boot=checksums, watch=watch)
    if json:
        print(to_line(found) if pages else to_json(found).decode(), end="")
    else:
        print("\n".join(lines(found, str(disk))))
    return ExitStatus.EXPECTED if found.sound else ExitStatus.UNEXPECTED


def _agent(disk: Path, *, json: bool) -> int | None:
    """Tell of an image of the userspace agent; ``None`` when there is none."""
    from harness.cli import inspect_agent
    from harness.evidence import to_json

    found = inspect_agent.find(disk)
    if found is None:
        return None
    wrong = inspect_agent.damage(found[0])
    if json:
        print(to_json({"agent": found[1], "damage": wrong}).decode(), end="")
    else:
        print("\n".join(inspect_agent.lines(str(disk), *found, wrong)))
    return ExitStatus.UNEXPECTED if wrong else ExitStatus.EXPECTED


def _boot_checksums(log: Path) -> frozenset[int]:
    from harness.image.e820 import log_checksums

    try:
        return log_checksums(log.read_text(errors="replace"))
    except OSError as error:
        raise HostError(f"{log}: {error.strerror}") from error
