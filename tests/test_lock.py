"""The locks of Python packages: whole, with hashes, and without an address in them."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
RUN = [*PROJECT["project"]["dependencies"], *PROJECT["build-system"]["requires"]]
EXTRAS = PROJECT["project"]["optional-dependencies"]
WANTED = {
    "run.txt": RUN,
    "test.txt": [*RUN, *EXTRAS["dev"], *EXTRAS["cluster"]],
}
PIN = re.compile(
    r"([a-z0-9.-]+)==(\S+)(?: ; ([^\\]+))? \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)"
)


def text(name: str) -> str:
    return (ROOT / "locks" / name).read_text()


def pins(name: str) -> dict[str, set[str]]:
    """Return the versions of each package of a lock: more than one when they differ by Python."""
    found: dict[str, set[str]] = {}
    for package, version, *_ in PIN.findall(text(name)):
        found.setdefault(package, set()).add(version)
    return found


@pytest.mark.parametrize("name", WANTED)
def test_a_lock_is_nothing_but_pins_with_hashes(name: str) -> None:
    assert PIN.sub("", text(name)) == ""
    assert "://" not in text(name)


@pytest.mark.parametrize("name", WANTED)
def test_a_lock_has_what_the_project_asks_for(name: str) -> None:
    """If this fails, pyproject.toml was changed: call locks/renew."""
    found = pins(name)
    for wanted in map(Requirement, WANTED[name]):
        versions = found[canonicalize_name(wanted.name)]
        assert versions, wanted
        assert all(wanted.specifier.contains(version) for version in versions), wanted


def test_what_runs_is_what_is_tested() -> None:
    tested = pins("test.txt")
    assert {
        name: versions for name, versions in pins("run.txt").items() if tested.get(name) != versions
    } == {}
