"""The command line: its commands, and how errors and Ctrl-C are told.

Modules that a command needs are imported by that command, so that ``--help`` is quick.
"""

import os
import signal
import sys
from types import FrameType
from typing import Annotated, NoReturn

import typer

from hibtest import __version__
from hibtest.cli import (
    agent_zipapp,
    boot,
    check_kernel,
    cluster,
    doctor,
    image_server,
    images,
    inspect,
    kconfig,
    listing,
    matrix,
    run,
    show,
    show_run,
    templates,
)
from hibtest.errors import ExitStatus, HibtestError
from hibtest.files import as_host_error
from hibtest.printable import printable

STATUSES = {
    0: "all outcomes as expected",
    1: "some were not",
    2: "wrong usage",
    69: "nothing could be judged",
    125: "the same with --bisect",
    128: "wrong usage or machine with --bisect",
    130: "interrupted",
}


def _version(asked: bool) -> None:
    if asked:
        print(f"hibtest {__version__}")
        raise typer.Exit


app = typer.Typer(
    name="hibtest",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich pages of help take twice as long to come
    help="Integration tests of Linux hibernation: real kernels under QEMU, judged on evidence.",
    epilog=f"Exit status: {', '.join(f'{status} {what}' for status, what in STATUSES.items())}.",
)


@app.callback()
def _hibtest(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_version, help="Show the version.")
    ] = False,
) -> None:
    del version  # its callback has said it


app.command("run")(run.run)
app.command("list")(listing.list_)
app.command("plan")(show.plan)
app.command("show")(show_run.show)
app.command("boot")(boot.boot)
app.command("judge")(show.judge)
app.command("matrix")(matrix.matrix)
app.command("inspect")(inspect.inspect)
app.command("image-server")(image_server.image_server)
app.command("agent-zipapp")(agent_zipapp.agent_zipapp)
app.command("doctor")(doctor.doctor)
app.command("kconfig")(kconfig.kconfig)
images.app.command("check-kernel")(check_kernel.check_kernel)
app.add_typer(images.app, name="images")
app.add_typer(templates.app, name="templates")
app.add_typer(cluster.app, name="cluster")


def main() -> int:
    """Run the command line and return its exit status; no traceback reaches a user."""
    signal.signal(signal.SIGTERM, _stop)
    verbose = any(word.startswith("-vv") for word in sys.argv[1:])
    try:
        status = app(standalone_mode=False, prog_name="hibtest")
    except typer.TyperException as error:
        print(f"hibtest: {error.format_message()}", file=sys.stderr)
        print("  → hibtest --help, or hibtest COMMAND --help", file=sys.stderr)
        return ExitStatus.STOP_BISECT if "--bisect" in sys.argv else ExitStatus.USAGE
    except HibtestError as error:
        return _tell(error, verbose)
    except (KeyboardInterrupt, typer.Abort):
        status = ExitStatus.INTERRUPTED
    except BrokenPipeError:  # `hibtest list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitStatus.UNAVAILABLE
    except OSError as error:
        return _tell(as_host_error(error), verbose, error)
    if status == ExitStatus.INTERRUPTED:  # typer makes this status of a Ctrl-C in a command
        print("hibtest: interrupted; nothing of it is left running", file=sys.stderr)
    return status if isinstance(status, int) else ExitStatus.EXPECTED


def _tell(error: HibtestError, verbose: bool, cause: BaseException | None = None) -> int:
    if verbose:
        import traceback

        traceback.print_exception(cause or error)
    print(f"hibtest: {printable(error.message)}", file=sys.stderr)
    if error.hint:
        print(f"  → {printable(error.hint)}", file=sys.stderr)
    return error.status


def _stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
