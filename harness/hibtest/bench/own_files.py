"""Files of one's own that a scenario puts into its guest: kept with the run, so that it can be
made again, and so that somebody else's run names no file of this machine.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import msgspec

from hibtest.errors import SpecError
from hibtest.given import opened
from hibtest.spec import Run, Scenario, Workload

OWN = "own"  # their directory in the run's
_MOST = 64 << 20  # bytes of a file


def read(scenario: Scenario) -> dict[str, bytes]:
    """Return a scenario's files by their names.

    :raise SpecError: When one is not there, or two have the same name.
    """
    found: dict[str, bytes] = {}
    for file in _files(scenario):
        if file.name in found:
            raise SpecError(f"{scenario.name}: two files are called {file.name}", hint="rename one")
        found[file.name] = _content(file, scenario)
    return found


def keep(scenario: Scenario, files: Mapping[str, bytes], directory: Path) -> Scenario:
    """Put files into the run's directory; return the scenario with those in place of its own."""
    for name, content in files.items():
        place = directory / OWN / name
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(content)
    return kept(scenario, directory)


def kept(scenario: Scenario, run: Path) -> Scenario:
    """Return a scenario that was read from a run, with the files that are kept there.

    :raise SpecError: When one is not, or is a link.
    """
    return replace(scenario, workloads=tuple(_kept(one, run) for one in scenario.workloads))


def _kept(one: Workload, run: Path) -> Workload:
    if not isinstance(one, Run) or not one.files:
        return one
    paths = [run / OWN / Path(file).name for file in one.files]
    for path in paths:
        if path.is_symlink() or path.parent.is_symlink() or not path.is_file():
            raise SpecError(f"{path}: no file of that run", hint="copy the run with all in it")
    return msgspec.structs.replace(one, files=tuple(map(str, paths)))


def _files(scenario: Scenario) -> Iterator[Path]:
    for one in scenario.workloads:
        if isinstance(one, Run):
            yield from map(Path, one.files)


def _content(file: Path, scenario: Scenario) -> bytes:
    try:
        with opened(file, f"file of {scenario.name}", device=False) as fd:
            if os.fstat(fd).st_size > _MOST:
                raise SpecError(f"{file}: over {_MOST >> 20} MiB, too much to put into a guest")
            with os.fdopen(fd, "rb", closefd=False) as content:
                return content.read(_MOST)
    except OSError as error:
        raise SpecError(f"{file}: {error.strerror}") from error
