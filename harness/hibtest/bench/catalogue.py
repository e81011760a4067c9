"""The scenarios there are: the ``SCENARIOS`` of hibtest's own files, or of those that are named."""

import importlib.util
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hibtest import settings
from hibtest.errors import HibtestError, SpecError
from hibtest.spec import Scenario

DIRECTORY = (Path(__file__).parents[1] / "scenarios").resolve()  # in a checkout a link
OWN = "hibtest.scenarios"  # what hibtest's own are called as a place; so does pytest --pyargs
_NAME = "SCENARIOS"


def scenarios(places: Sequence[Path] = ()) -> tuple[Scenario, ...]:
    """Return all scenarios, in the order of their files.

    :param places: Files, and directories in which files are called ``test_*.py``; hibtest's own
        if there are none, and where one is called ``hibtest.scenarios``.
    :raise SpecError: When a place is not there, a file cannot be loaded, or two scenarios share
        a name.
    """
    files = [file for place in _meant(places) for file in _files(place)]
    found = [one for path in dict.fromkeys(files) for one in _in_file(path)]
    names = [scenario.name for scenario in found]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise SpecError(f"two scenarios are called {min(twice)}", hint="rename one")
    if not found:
        where = ", ".join(map(str, places))
        raise SpecError(f"{where}: no scenarios", hint=f"a file has them in a tuple {_NAME}")
    return tuple(found)


def known(places: Sequence[Path] | None = None) -> tuple[Scenario, ...]:
    """Return the scenarios of the places that are named, or that the settings name.

    :raise SpecError: As :func:`scenarios` does, or for a wrong setting.
    """
    return scenarios(named(places))


def named(places: Sequence[Path] | None) -> Sequence[Path]:
    """Return the places that are named, or that the settings name, or hibtest's own."""
    return _meant(places or settings.found(Path.cwd()).scenarios or ())


def _meant(places: Sequence[Path]) -> Sequence[Path]:
    own = (place.name == OWN and not place.exists() for place in places)
    meant = [DIRECTORY if is_own else one for one, is_own in zip(places, own, strict=True)]
    return meant or [DIRECTORY]


def _files(place: Path) -> list[Path]:
    if place.is_dir():
        return sorted(place.rglob("test_*.py"))
    if not place.exists():
        raise SpecError(f"{place}: no such file or directory", hint="--scenarios DIR or FILE")
    return [place]


def _in_file(path: Path) -> tuple[Scenario, ...]:
    if _NAME not in path.read_text(errors="replace"):
        return ()  # a test of something else: what it does when it is loaded is not ours
    name = f"hibtest_scenarios.{path.resolve().as_posix()}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise SpecError(f"{path}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    with _blamed(path), _beside(path.parent):
        spec.loader.exec_module(module)
    found = getattr(module, _NAME, ())
    if not isinstance(found, (tuple, list)) or not all(isinstance(one, Scenario) for one in found):
        raise SpecError(f"{path}: {_NAME} is not a tuple of scenarios")
    return tuple(found)


@contextmanager
def _beside(directory: Path) -> Iterator[None]:
    """Let a file import what lies beside it, as pytest does."""
    sys.path.insert(0, str(directory))
    try:
        yield
    finally:
        sys.path.remove(str(directory))


@contextmanager
def _blamed(path: Path) -> Iterator[None]:
    """Say of whatever a file raises where in it that was."""
    try:
        yield
    except HibtestError as error:
        raise SpecError(f"{path}: {error.message}", hint=error.hint) from error
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename == str(path)]
        if isinstance(error, SyntaxError):
            lines = [error.lineno]
        where = f"{path}:{lines[-1]}" if lines else str(path)
        raise SpecError(f"{where}: {type(error).__name__}: {error}") from error
