"""The directory of a run: made, found again, tidied."""

import shlex
import sys
from pathlib import Path

from hibtest.errors import HostError, SpecError

OWNER, VERDICT, SCENARIO, JOB = "owner", "verdict.json", "scenario.json", "job.json"
LATEST = "latest"
_HERE = Path(__file__).resolve()
_CHECKOUT = 4  # directories above this file: harness/hibtest/bench


def new_directory(runs: Path, name: str) -> Path:
    """Make the next run directory of a name.

    :raise HostError: When it cannot be made.
    """
    try:
        (runs / name).mkdir(parents=True, exist_ok=True)
        number = 1 + max(
            (int(p.name) for p in (runs / name).iterdir() if p.name.isdigit()), default=0
        )
        while True:
            directory = runs / name / str(number)
            try:
                directory.mkdir(mode=0o700)
            except FileExistsError:  # another hibtest was quicker
                number += 1
            else:
                return directory
    except OSError as error:
        raise HostError(
            f"cannot make a run directory in {runs}: {error.strerror}", hint="use --runs DIR"
        ) from error


def the_run(given: Path) -> Path:
    """Return a run's directory as somebody names it.

    :raise SpecError: When it is none; the last of them where it holds several.
    """
    if (given / SCENARIO).exists():
        return given
    runs = sorted((p for p in given.glob("[0-9]*") if p.name.isdigit()), key=lambda p: int(p.name))
    if runs:
        raise SpecError(f"{given}: no run, but what holds them", hint=f"the last is {runs[-1]}")
    if not given.exists():
        raise SpecError(f"{given}: no such directory", hint="give the directory of a run")
    raise SpecError(f"{given}: no {SCENARIO} in it", hint="give the directory of a run")


def write_rerun(directory: Path) -> None:
    """Write the script that makes a run again, by this hibtest or, where it is gone, another."""
    ours = f"{shlex.quote(sys.executable)} -P -m hibtest"
    launcher = _HERE.parents[_CHECKOUT - 1] / "hibtest"
    if launcher.is_file():
        ours = shlex.quote(str(launcher))
    program = ours.partition(" -P ")[0]
    script = directory / "rerun.sh"
    script.write_text(f"""#!/bin/sh
# Makes this run again, in a new directory beside it: same scenario, same kernel, same options.
run=$(dirname -- "$0")
[ ! -x {program} ] || exec {ours} run --from "$run" "$@"
exec hibtest run --from "$run" "$@"
""")
    script.chmod(0o755)


def point_latest(directory: Path) -> None:
    """Let ``latest`` be a run that has a verdict."""
    runs = directory.parents[1]
    link = runs / f".latest-{directory.parent.name}-{directory.name}"
    link.symlink_to(directory.relative_to(runs))
    link.rename(runs / LATEST)
