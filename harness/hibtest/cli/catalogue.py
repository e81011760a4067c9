"""The scenarios there are: the ``SCENARIOS`` of every file in scenarios/."""

import importlib.util
import sys
from pathlib import Path

from hibtest.errors import SpecError
from hibtest.spec import Scenario

DIRECTORY = (Path(__file__).parents[1] / "scenarios").resolve()  # in a checkout a link


def scenarios() -> tuple[Scenario, ...]:
    """Return all scenarios, in the order of their files.

    :raise SpecError: When scenarios/ is not there, or two scenarios share a name.
    """
    if not DIRECTORY.is_dir():
        raise SpecError(f"{DIRECTORY}: no such directory", hint="run hibtest from its checkout")
    found = [one for path in sorted(DIRECTORY.glob("test_*.py")) for one in _in_file(path)]
    names = [scenario.name for scenario in found]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise SpecError(f"two scenarios are called {min(twice)}", hint="rename one")
    return tuple(found)


def _in_file(path: Path) -> tuple[Scenario, ...]:
    name = f"hibtest_scenarios.{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise SpecError(f"{path}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return tuple(getattr(module, "SCENARIOS", ()))
