"""Imports point down: who may import whom, as ARCHITECTURE.md draws it.

Every import statement counts, inside functions and under TYPE_CHECKING too. If this test
objects, the code is in the wrong room.
"""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

COMMON = {"errors", "deadline", "printable"}
BELOW_RUNNER = {
    "spec",
    "story",
    "evidence",
    "image",
    "imageserver",
    "machine",
    "reach",
    "cycle",
    "linux",
    "probe",
    "verdict",
}
ANYTHING = (
    BELOW_RUNNER
    | COMMON
    | {
        "events",
        "snapshotdev",
        "bench",
        "job",
        "files",
        "store",
        "programs",
        "given",
        "retry",
        "runner",
        "settings",
        "similar",
        "report",
        "doctor",
        "images",
        "cluster",
        "cli",
        "root",
    }
)

# A room is a file or directory of hibtest; images is one, and so is hibtest/__init__.py (root).
# Each may import what stands here, and itself.
ROOMS: dict[str, set[str]] = {
    "root": set(),
    "errors": set(),
    "printable": set(),
    "deadline": {"errors"},
    "files": {"errors"},
    "store": {"errors", "deadline", "linux"},
    "programs": {"errors"},
    "given": {"errors"},
    "similar": set(),
    "settings": {"errors", "similar"},
    "spec": COMMON,
    "story": {"errors", "spec"},
    "evidence": COMMON | {"spec", "given", "similar"},
    "events": COMMON | {"spec", "evidence"},
    # the agent's image is read by the code that writes it; the story knows what is said to one
    "image": COMMON | {"story", "evidence", "given", "agent"},
    "imageserver": COMMON,
    "machine": COMMON | {"spec", "evidence", "programs"},
    "reach": COMMON | {"evidence"},
    # what the two programs for guests both know of the kernel
    "linux": set(),
    "agent": {"linux"},
    "probe": {"linux"},
    # reads the files of the two programs, imports none of them
    "zipapp": set(),
    # cycle ships the probe and the agent into the guest, and tells the stages as they pass
    "cycle": COMMON
    | {"spec", "story", "evidence", "events", "job", "image", "imageserver", "machine", "reach"}
    | {"probe", "agent", "zipapp", "retry", "given", "programs", "similar", "files", "store"},
    # keeps guests, and has the probe drive /dev/snapshot in them
    "snapshotdev": COMMON
    | {"spec", "story", "evidence", "events", "job", "machine", "reach", "cycle", "probe"},
    "verdict": COMMON | {"spec", "story", "evidence"},
    "job": {"spec", "evidence"},
    # decides which runs do not count
    "retry": {"spec", "story", "evidence"},
    "runner": COMMON | BELOW_RUNNER | {"events", "job", "files"},
    "report": COMMON | {"spec", "evidence", "events", "verdict"},
    "doctor": COMMON | {"spec", "machine", "programs"},
    # the agent lies on the toolbox disk; what is mounted on this machine is told as in a guest
    "images": COMMON | {"spec", "zipapp", "similar", "linux", "programs", "store"},
    "bench": COMMON
    | {"spec", "evidence", "verdict", "job", "files", "given", "retry", "settings", "similar"}
    | {"machine", "cycle", "images", "report", "store"},
    # runs on other machines: each is a bench, and whoever orders shows and judges what comes
    "cluster": COMMON
    | {"root", "spec", "evidence", "verdict", "job", "files", "events", "bench", "machine"}
    | {"cycle", "images", "report", "store"},
    # the agent as a file, for machines of one's own
    "cli": ANYTHING | {"pytest_plugin", "zipapp"},
    "pytest_plugin": ANYTHING | {"pytest_options"},
    "pytest_snapshotdev": ANYTHING | {"pytest_options"},
    "pytest_options": {"errors", "printable", "settings", "events"},
    "__main__": ANYTHING,
}

# What runs inside the guest finds nothing there but Python's standard library.
GUEST_ROOMS = {"agent", "probe", "linux"}
# Taken where Debian has installed them: hibtest/agent/image/codecs.py.
CODECS = {"lz4", "zstandard"}

# cycle's own rooms, and which of the others each may import.
CYCLE: dict[str, set[str]] = {
    "storage": set(),
    "filesystems": {"storage"},
    "template": {"storage", "proof"},
    "proof": set(),
    "faults": {"proof"},
    "rollcall": {"proof"},
    "steps": {"proof", "rollcall", "filesystems"},
}

# Libraries that one room alone speaks to.
OWNERS = {
    "asyncio": "machine",
    "qemu": "machine",
    "paramiko": "reach",
    "pexpect": "reach",
    "distributed": "cluster",
    "dask": "cluster",
}


@dataclass(frozen=True, slots=True)
class Import:
    """One import: the file and line it stands in, its room, and the module it names."""

    file: Path
    line: int
    room: str
    module: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.room} imports {self.module}"


def imports(root: Path) -> Iterator[Import]:
    """Yield all imports of hibtest below ``root``, images/ included."""
    for tree, package in (("harness/hibtest", "hibtest"), ("images", "hibtest/images")):
        for path in sorted((root / tree).rglob("*.py")):
            file = package / path.relative_to(root / tree)
            room = room_of(".".join(file.with_suffix("").parts))
            for node in ast.walk(ast.parse(path.read_text(), str(path))):
                for module in modules(node, file):
                    yield Import(file, getattr(node, "lineno", 0), room, module)


def modules(node: ast.AST, file: Path) -> list[str]:
    """Return the absolute names of the modules that a statement imports."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.Call) and node.args:
        return dynamic(node)
    if not isinstance(node, ast.ImportFrom):
        return []
    base = node.module or ""
    if node.level:
        package = file.parent.parts[: len(file.parent.parts) - node.level + 1]
        base = ".".join((*package, base)).rstrip(".")
    # `from hibtest import errors` names a module by its alias
    return [f"{base}.{alias.name}" for alias in node.names] if base == "hibtest" else [base]


def dynamic(call: ast.Call) -> list[str]:
    """Return the module that ``import_module("...")`` or ``__import__("...")`` names."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    argument = call.args[0]
    if name not in {"import_module", "__import__"} or not isinstance(argument, ast.Constant):
        return []
    return [str(argument.value)]


def room_of(module: str) -> str:
    """Return the room of one of our modules, or "" for a module of somebody else."""
    first, _, rest = module.partition(".")
    if first != "hibtest":
        return ""
    room = rest.partition(".")[0]
    return room if room in ROOMS else "root"


def family(module: str) -> str:
    """Return which of cycle's own rooms a module is in, or "" for none of them."""
    parts = (*module.split("."), "", "")
    return parts[2] if parts[:2] == ("hibtest", "cycle") and parts[2] in CYCLE else ""


def objection(found: Import) -> str | None:
    """Return why an import is wrong, or ``None``."""
    target = room_of(found.module)
    top = found.module.partition(".")[0]
    if target:
        allowed = ROOMS[found.room] | {found.room}
        return None if target in allowed else f"{found} ({found.room} may not import {target})"
    if found.room in GUEST_ROOMS and top not in sys.stdlib_module_names | CODECS:
        return f"{found} (the guest has the standard library alone)"
    owner = OWNERS.get(top, found.room)
    return None if owner == found.room else f"{found} (only {owner} speaks to {top})"


def objections(root: Path) -> list[str]:
    """Return what is wrong with the imports below ``root``."""
    return [text for found in imports(root) if (text := objection(found))]


def test_imports_point_down() -> None:
    assert objections(ROOT) == []


def test_every_room_is_on_the_map() -> None:
    found = (ROOT / "harness" / "hibtest").iterdir()
    names = {path.stem for path in found if not path.name.startswith(("__", "scenarios", "py."))}
    assert names <= set(ROOMS)


def test_the_families_of_a_cycle_do_not_know_each_other() -> None:
    for found in imports(ROOT):
        own = family(".".join(found.file.with_suffix("").parts))
        other = family(found.module)
        assert not (own and other) or other in CYCLE[own] | {own}, str(found)


def test_map_has_no_cycle() -> None:
    done: set[str] = set()
    rooms = {room: targets - {room} for room, targets in ROOMS.items()}
    top = {"cli", "pytest_plugin", "__main__"}  # these three may import each other
    while ready := {r for r, targets in rooms.items() if r not in done and targets - top <= done}:
        done |= ready
    assert done == set(rooms)


def plant(root: Path, file: str, code: str) -> None:
    path = root / ("harness" if file.startswith("hibtest") else "") / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(code)


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("hibtest/spec/guest.py", "import hibtest.evidence\n"),
        ("hibtest/spec/guest.py", "from hibtest import errors, evidence\n"),
        ("hibtest/story/why.py", "from hibtest.evidence import Mark\n"),
        ("hibtest/reach/shell.py", "from ..machine import argv\n"),
        ("hibtest/reach/shell.py", "def late():\n    from hibtest.machine.argv import argv\n"),
        (
            "hibtest/image/header.py",
            "import typing\nif typing.TYPE_CHECKING:\n    import hibtest.machine.disk\n",
        ),
        (
            "hibtest/verdict/judge.py",
            "import importlib\nimportlib.import_module('hibtest.cycle')\n",
        ),
        ("hibtest/runner.py", "from hibtest.report import terminal\n"),
        ("hibtest/runner.py", "from hibtest import images\n"),
        ("hibtest/probe/audit.py", "from hibtest.errors import GuestError\n"),
        ("hibtest/probe/audit.py", "import msgspec\n"),
        ("hibtest/probe/audit.py", "from hibtest.agent import tasks\n"),
        ("hibtest/linux/dm.py", "from hibtest.agent.errors import AgentError\n"),
        ("hibtest/linux/dm.py", "import msgspec\n"),
        ("hibtest/cycle/boot.py", "import asyncio\n"),
        ("hibtest/cycle/boot.py", "from paramiko import Transport\n"),
        ("images/build.py", "from hibtest.machine import disk\n"),
    ],
)
def test_wrong_import_is_found(tmp_path: Path, file: str, code: str) -> None:
    plant(tmp_path, file, code)
    [text] = objections(tmp_path)
    assert text.startswith((f"{file}:", f"hibtest/{file}:"))


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("hibtest/reach/shell.py", "import paramiko\nfrom hibtest.reach import link\n"),
        ("hibtest/reach/shell.py", "from . import link\nfrom hibtest.deadline import poll\n"),
        ("hibtest/probe/audit.py", "import ctypes\nfrom hibtest.probe import daemon\n"),
        ("hibtest/probe/audit.py", "from hibtest.linux.dm import Control\n"),
        ("hibtest/agent/save.py", "from hibtest.linux import dm\n"),
        ("hibtest/cli/images.py", "from hibtest.images import build\n"),
        (
            "images/build.py",
            "from hibtest.images import names\nfrom hibtest.spec import GuestFiles\n",
        ),
    ],
)
def test_right_import_is_let_pass(tmp_path: Path, file: str, code: str) -> None:
    plant(tmp_path, file, code)
    assert objections(tmp_path) == []
