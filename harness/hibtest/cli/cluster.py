"""``hibtest cluster``: the processes of a cluster, each on a host of its own."""

from typing import Annotated

import typer

from hibtest.errors import ExitStatus

app = typer.Typer(
    help="Processes of a cluster, for `hibtest run --cluster`: docs/cluster.md.",
    no_args_is_help=True,
)


@app.command("scheduler")
def scheduler(
    listen: Annotated[
        str, typer.Option(metavar="tcp://HOST:PORT", help="Where to listen; port 0: a free one.")
    ] = "tcp://127.0.0.1:8786",
) -> int:
    """Hand runs out to workers, until it is ended. Only this host can reach it by default."""
    from hibtest.cluster import require_extra

    require_extra()
    from hibtest.cluster.node import schedule

    schedule(listen, _say)
    return ExitStatus.EXPECTED


@app.command("worker")
def worker(
    address: Annotated[
        str, typer.Argument(metavar="SCHEDULER", help="Its address, such as tcp://192.0.2.1:8786.")
    ],
    seats: Annotated[
        int, typer.Option(metavar="N", min=0, help="Runs side by side; 0: one for each CPU.")
    ] = 0,
    name: Annotated[
        str, typer.Option(metavar="NAME", help="What this host is called; its host name.")
    ] = "",
    host: Annotated[
        str, typer.Option(metavar="HOST", help="Where others reach this worker; it is found.")
    ] = "",
) -> int:
    """Run on this host what others order, until it is ended or the scheduler is gone."""
    import socket

    from hibtest.cluster import require_extra
    from hibtest.machine.turns import seats as of_this_host

    require_extra()
    from hibtest.cluster.node import serve

    serve(address, seats or of_this_host(), name or socket.gethostname(), host, _say)
    return ExitStatus.UNAVAILABLE


def _say(text: str) -> None:
    print(text, flush=True)
