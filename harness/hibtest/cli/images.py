"""``hibtest images``: build, list, verify and prune guest disks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from hibtest.errors import ExitStatus, HostError

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console
    from rich.status import Status

    from hibtest.images import Report, Step

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Guest disks: kernels, root disk, initramfs."
)


@app.command("build")
def build(
    names: Annotated[
        list[str] | None, typer.Argument(help="Kernels (see `images list`); all if none is named.")
    ] = None,
    update: Annotated[bool, typer.Option("--update", help="Look for newer packages.")] = False,
) -> None:
    """Build what is missing."""
    from hibtest import images

    with progress() as report:
        images.build(names or None, report, update=update)
    for files in images.installed():
        typer.echo(f"{files.kernel_name}: Linux {files.release}")


@app.command("list")
def list_() -> None:
    """List the guest kernels, and what the cache holds."""
    from rich.console import Console
    from rich.filesize import decimal
    from rich.table import Table

    from hibtest import images
    from hibtest.images.store import Store, cache_dir
    from hibtest.images.upkeep import in_use, size

    console = Console()
    table = Table(box=None, pad_edge=False)
    for heading in ("kernel", "release", "size", "built", "from"):
        table.add_column(heading, no_wrap=True)
    built = {files.kernel_name: files for files in images.installed()}
    for source in images.KERNELS:
        files = built.get(source.name)
        if files is None:
            table.add_row(source.name, "[dim]not built[/]", "", "", source.about)
            continue
        bytes_ = size(files.kernel.parent) + size(files.initrd.parent)
        row = (files.release, decimal(bytes_), _date(files.kernel.parent), source.about)
        table.add_row(source.name, *row)
    console.print(table)
    store = Store(cache_dir())
    used = in_use(store)
    total = old = 0
    for artifact in store.artifacts():
        total += size(artifact)
        old += 0 if artifact.name in used else size(artifact)
    console.print(f"\n{store.root}: {decimal(total)}", highlight=False, soft_wrap=True)
    if old:
        console.print(f"of that {decimal(old)} are of no use any more: hibtest images prune")


@app.command("verify")
def verify() -> int:
    """Compare every file with what was built."""
    from hibtest import images
    from hibtest.images.store import cache_dir

    findings = images.verify()
    for finding in findings:
        typer.echo(f"{finding.path}: {finding.what}")
    if not findings:
        typer.echo(f"{cache_dir()}: every file is what was built")
        return ExitStatus.EXPECTED
    damaged = sorted({str(finding.path.parent) for finding in findings})
    raise HostError(
        f"{len(findings)} files are not what was built",
        hint=f"remove {' '.join(damaged)} and build again",
    )


@app.command("prune")
def prune() -> None:
    """Remove what no kernel is booted from any more (kept disks of old runs may need it)."""
    from rich.filesize import decimal

    from hibtest import images

    typer.echo(f"{decimal(images.prune())} freed")


@contextmanager
def progress() -> Iterator[Report]:
    """Show the steps of a build: a line for each that ended, those that run on a terminal."""
    board = _Board()
    try:
        yield board
    finally:
        board.close()


class _Board:
    # rich is imported when there is something to show: most often nothing has to be built
    def __init__(self) -> None:
        self._console: Console | None = None
        self._status: Status | None = None
        self._running: list[str] = []

    def __call__(self, step: Step) -> None:
        from hibtest.images.progress import State

        actions: dict[State, Callable[[Step], None]] = {
            State.STARTED: self._started,
            State.ENDED: self._ended,
            State.WAITING: self._waiting,
        }
        actions[step.state](step)

    def close(self) -> None:
        if self._status is not None:
            self._status.stop()

    def _started(self, step: Step) -> None:
        self._running.append(step.what)
        self._refresh()

    def _ended(self, step: Step) -> None:
        self._running.remove(step.what)
        self._open().print(f"  {step.what:<40} {step.seconds:6.1f} s", highlight=False)
        self._refresh()

    def _waiting(self, step: Step) -> None:
        self._open().print(f"  {step.what}: waiting for another build of it", highlight=False)

    def _refresh(self) -> None:
        console = self._open()
        if console.is_terminal and self._status is None:
            self._status = console.status("")
            self._status.start()
        if self._status is not None:
            self._status.update(", ".join(self._running))

    def _open(self) -> Console:
        if self._console is None:
            from rich.console import Console

            self._console = Console()
            self._console.print("building guest disks")
        return self._console


def _date(artifact: Path) -> str:
    from datetime import UTC, datetime

    from hibtest.images.store import MANIFEST

    made = datetime.fromtimestamp((artifact / MANIFEST).stat().st_mtime, UTC)
    return made.astimezone().strftime("%Y-%m-%d")
