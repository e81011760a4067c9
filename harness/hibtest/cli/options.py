"""Options that several commands have, and how they are told."""

from pathlib import Path
from typing import Annotated

import typer

_UNITS = {"M": 0, "G": 10, "T": 20}  # powers of 2 MiB


def names_like(incomplete: str) -> list[str]:
    """Return the scenarios whose names begin like that, for a shell's completion."""
    from hibtest.bench import catalogue
    from hibtest.errors import HibtestError

    try:
        known = catalogue.known()
    except HibtestError:
        return []  # a shell that completes has no place for words
    return [one.name for one in known if one.name.startswith(incomplete)]


def mebibytes(text: str) -> int:
    """Return how many MiB somebody means: ``768``, ``4G``, ``1T``."""
    number, unit = (text[:-1], text[-1:].upper()) if text[-1:].isalpha() else (text, "M")
    if unit not in _UNITS or not (number.isascii() and number.isdigit()):
        raise typer.BadParameter(f"{text!r} is no size: 768 (MiB), 768M, 4G, 1T")
    return int(number) << _UNITS[unit]


Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Expression = Annotated[
    str | None,
    typer.Option("-k", metavar="EXPR", help="Which scenarios: words, and, or, not; or 'all'."),
]
Scenarios = Annotated[
    list[Path] | None,
    typer.Option(metavar="PLACE", help="Files, directories; hibtest's own: hibtest.scenarios."),
]
Kernel = Annotated[
    str | None,
    typer.Option(metavar="WHICH", help="In place of all: a build tree, bzImage, or release."),
]
Modules = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Its lib/modules/VERSION, if it needs any."),
]
Append = Annotated[
    str | None, typer.Option(metavar="WORDS", help="More words for the kernel's command line.")
]
Memory = Annotated[
    int | None,
    typer.Option(
        metavar="MIB", parser=mebibytes, help="Guest memory, not the scenario's: 768, 4G."
    ),
]
Vcpus = Annotated[
    int | None, typer.Option(metavar="N", min=0, help="vCPUs, in place of the scenario's.")
]
Lives = Annotated[
    int | None,
    typer.Option(metavar="N", min=0, help="Hibernations of each life, not the scenario's."),
]
Accel = Annotated[str | None, typer.Option(metavar="WHICH", help="auto, kvm or tcg.")]
Runs = Annotated[Path | None, typer.Option(metavar="DIR", help="Where run directories go: ./runs.")]
Proof = Annotated[
    bool | None, typer.Option("--proof/--no-proof", help="Compare the image with memory by page.")
]
Retry = Annotated[
    bool | None, typer.Option("--retry/--no-retry", help="Run again what QEMU itself died of.")
]
Warm = Annotated[
    bool | None, typer.Option("--warm/--cold", help="Start boots from templates, where it pays.")
]
Keep = Annotated[
    bool | None, typer.Option("--keep/--no-keep", help="Keep disks also of good runs.")
]
Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="NAME", help="Scenarios: `hibtest list`.", autocompletion=names_like),
]
Times = Annotated[int, typer.Option(metavar="N", min=1, help="Run each so many times.")]
Jobs = Annotated[int, typer.Option("-j", metavar="N", min=0, help="Side by side; 0: as fit here.")]
From = Annotated[
    Path | None,
    typer.Option("--from", metavar="RUN", help="That run again: its kernel, its options."),
]
Maxfail = Annotated[
    int, typer.Option(metavar="N", min=0, help="Stop after so many surprises; 0: never.")
]
Until = Annotated[
    bool,
    typer.Option("--until-unexpected", help="With --times N: stop at the first surprise."),
]
Failed = Annotated[bool, typer.Option("--failed", help="Only those whose last verdict surprised.")]
All = Annotated[bool, typer.Option("--all", help="All that apply, not one cycle of each kernel.")]
Ktap = Annotated[bool, typer.Option("--ktap", help="Print KTAP, for kernel CI.")]
Bisect = Annotated[
    bool, typer.Option("--bisect", help="Exit as git bisect run wants it: 125 is no verdict.")
]
Cluster = Annotated[
    str | None,
    typer.Option(metavar="WHERE", help="On a cluster's machines: tcp://SCHEDULER, or local:N."),
]
Verbose = Annotated[
    int,
    typer.Option(
        "-v", count=True, help="A line per stage on a terminal, too; -vv: consoles, tracebacks."
    ),
]
