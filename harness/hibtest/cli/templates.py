"""``hibtest templates``: guests that were booted once and saved."""

import typer

from hibtest.cli import options
from hibtest.cli.output import print_json

app = typer.Typer(
    help="Guests that were saved once, for boots to start from.", no_args_is_help=True
)


@app.command("list")
def list_(json: options.Json = False) -> None:
    """List the templates, the one that was used last first."""
    from hibtest.bench.prepare import templates_dir
    from hibtest.cycle.template.shelf import MOST_BYTES, Shelf

    found = Shelf(templates_dir()).kept()
    if json:
        print_json(found)
        return
    from rich.filesize import decimal

    from hibtest.printable import printable

    for one in found:
        kernel, scenario = (str(one.facts.get(name, "")) for name in ("kernel", "scenario"))
        taken = f"{decimal(one.bytes):>9}, {one.uses:2} boots"
        typer.echo(printable(f"{one.key}  {taken}  {kernel}, made for {scenario}"))
    taken = decimal(sum(one.bytes for one in found))
    typer.echo(f"{templates_dir()}: {taken} of {decimal(MOST_BYTES)}")


@app.command("prune")
def prune() -> None:
    """Remove all templates; they are made anew when they are next wanted."""
    from rich.filesize import decimal

    from hibtest.bench.prepare import templates_dir
    from hibtest.cycle.template.shelf import Shelf

    typer.echo(f"{decimal(Shelf(templates_dir()).clear())} freed")
