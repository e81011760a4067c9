"""``hibtest images``: build, list, verify and prune guest disks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from hibtest.cli import options
from hibtest.cli.output import print_json
from hibtest.errors import ExitStatus, HostError

if TYPE_CHECKING:
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
        if names and files.kernel_name not in names:
            continue
        typer.echo(f"{files.kernel_name}: Linux {files.release}")


@app.command("list")
def list_(json: options.Json = False) -> None:
    """List the guest kernels, and what the cache holds."""
    from hibtest.images.upkeep import stock
    from hibtest.store import Store, cache_dir

    found = stock(Store(cache_dir()))
    if json:
        print_json(found)
        return
    from rich.console import Console
    from rich.filesize import decimal
    from rich.table import Table

    console = Console(highlight=False)
    table = Table(box=None, pad_edge=False)
    for heading in ("kernel", "release", "size", "built"):
        table.add_column(heading, no_wrap=True)
    table.add_column("from")
    for one in found.kernels:
        row = (one.release, decimal(one.bytes), one.built)
        table.add_row(one.name, *(row if one.release else ("[dim]not built[/]", "", "")), one.about)
    console.print(table)
    console.print(f"\n{found.root}: {decimal(found.bytes)}", soft_wrap=True)
    if found.unused:
        console.print(
            f"of that {decimal(found.unused)} are of no use any more: hibtest images prune"
        )


@app.command("verify")
def verify(json: options.Json = False) -> int:
    """Compare every file with what was built."""
    from hibtest import images
    from hibtest.store import cache_dir

    findings = images.verify()
    if json:
        print_json(findings)
    for finding in () if json else findings:
        typer.echo(f"{finding.path}: {finding.what}")
    if not findings:
        if not json:
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
def progress(*, stderr: bool = False) -> Iterator[Report]:
    """Show the steps of a build: a line for each that ended, those that run on a terminal.

    :param stderr: Whether it goes to standard error, since the output is for programs.
    """
    board = _Board(stderr=stderr)
    try:
        yield board
    finally:
        board.close()


class _Board:
    # rich is imported when there is something to show: most often nothing has to be built
    def __init__(self, *, stderr: bool) -> None:
        self._stderr = stderr
        self._console: Console | None = None
        self._status: Status | None = None
        self._running: list[str] = []

    def __call__(self, step: Step) -> None:
        from hibtest.images.progress import State

        if step.state is State.WAITING:
            self._open().print(f"  {step.what}: waiting for another build of it", highlight=False)
            return
        if step.state is State.STARTED:
            self._running.append(step.what)
        else:
            self._running.remove(step.what)
            self._open().print(f"  {step.what:<40} {step.seconds:6.1f} s", highlight=False)
        self._refresh()

    def close(self) -> None:
        if self._status is not None:
            self._status.stop()

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

            self._console = Console(stderr=self._stderr)
            self._console.print("building guest disks")
        return self._console
