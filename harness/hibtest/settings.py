"""How scenarios are run, as far as somebody has said so: options, environment, a file.

The command line and the pytest plugin ask here for what stands in the environment
(``HIBTEST_VCPUS=4``) and in the nearest file above the current directory that says anything:
``hibtest.toml``, or ``[tool.hibtest]`` of a ``pyproject.toml``. What is said on the command line
counts first, then the environment, then the file.
"""

import os
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from hibtest import similar
from hibtest.errors import SpecError

_FILE, _PROJECT = "hibtest.toml", "pyproject.toml"
_LONGEST = 1 << 20
_PREFIX = "HIBTEST_"
_NEGATED = {"no_proof": "proof", "no_retry": "retry", "cold": "warm"}  # HIBTEST_NO_PROOF=1
_MIRROR = "debian_mirror"  # of hibtest.images
# Variables that are no settings: of what runs in a guest (hibtest.probe), and of our tests.
_OTHERS = (
    _MIRROR,
    "patience",
    "probe_run",
    "probe_disk",
    "probe_data",
    "fuzz",
    "fuzz_seed",
    "update_golden",
)
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How scenarios are run; ``None`` wherever nobody has said anything.

    :ivar scenarios: Files and directories of scenarios, in place of hibtest's own.
    :ivar kernel: A kernel in place of all: a build tree, a bzImage, or an installed release.
    :ivar modules: Its modules, where they are not found by themselves.
    :ivar append: More words for the kernel's command line.
    :ivar memory: Guest memory in MiB, in place of the scenario's.
    :ivar vcpus: vCPUs, in place of the scenario's.
    :ivar lives: Hibernations of each life, in place of the scenario's.
    :ivar accel: ``auto``, ``kvm`` or ``tcg``.
    :ivar runs: Where run directories go.
    :ivar proof: Whether the image is compared with memory, page by page.
    :ivar retry: Whether a run may be made again (:mod:`hibtest.retry`).
    :ivar warm: Whether boots may start from templates.
    :ivar keep: Whether the disks of good runs are kept, too.
    """

    scenarios: tuple[Path, ...] | None = None
    kernel: str | None = None
    modules: Path | None = None
    append: str | None = None
    memory: int | None = None
    vcpus: int | None = None
    lives: int | None = None
    accel: str | None = None
    runs: Path | None = None
    proof: bool | None = None
    retry: bool | None = None
    warm: bool | None = None
    keep: bool | None = None

    def over(self, other: "Settings") -> "Settings":
        """Return what is said here, and of what is not, what ``other`` says."""
        said = {one: value for one in NAMES if (value := getattr(self, one)) is not None}
        return replace(other, **said)


NAMES = tuple(field.name for field in fields(Settings))
_KINDS: Mapping[str, Any] = {field.name: field.type for field in fields(Settings)}
_WANTED: Mapping[Any, str] = {
    bool | None: "true or false",
    int | None: "a number",
    str | None: "text in quotes",
    Path | None: "text in quotes",
    tuple[Path, ...] | None: "a list of paths in quotes",
}
_PATHS = ("modules", "runs")


def found(directory: Path, environ: Mapping[str, str] = os.environ) -> Settings:
    """Return what the environment and the nearest file say.

    :param directory: Where to look for the file first; then above it.
    :raise SpecError: When either says what cannot be meant.
    """
    return _of_environment(environ).over(_of_file(directory.absolute()))


def _of_environment(environ: Mapping[str, str]) -> Settings:
    known = (*NAMES, *_NEGATED)
    variables = {_twin(key) for key in (*known, *_OTHERS)}
    for variable, text in environ.items():
        if variable.startswith(_PREFIX) and variable not in variables and text:
            key = variable.removeprefix(_PREFIX).lower()
            raise _unknown(key, variable, (*known, _MIRROR))
    said: dict[str, Any] = {}
    for key in known:
        text = environ.get(_twin(key), "")
        if not text:
            continue
        name = _NEGATED.get(key, key)
        value: Any = text.split(os.pathsep) if name == "scenarios" else text
        meant = _value(name, value, _twin(key), strict=False)
        said[name] = not meant if key in _NEGATED else meant
    return Settings(**said)


def _twin(key: str) -> str:
    return f"{_PREFIX}{key.upper()}"


def _of_file(directory: Path) -> Settings:
    for place in (directory, *directory.parents):
        for name in (_FILE, _PROJECT):
            path = place / name
            if path.is_file() and _is_ours(path) and (table := _table(path)) is not None:
                return _at(path.parent, _converted(table, str(path)))
    return Settings()


def _is_ours(path: Path) -> bool:
    """Return whether a file can be meant: not what a stranger has put into /tmp, above us.

    It may name Python files, which are run.
    """
    for_all = path.parent.stat().st_mode & stat.S_IWOTH
    return not for_all or path.stat().st_uid in {os.geteuid(), 0}


def _table(path: Path) -> Mapping[str, Any] | None:
    try:
        with path.open("rb") as file:
            whole: Mapping[str, Any] = tomllib.loads(file.read(_LONGEST).decode())
    except (OSError, ValueError, RecursionError) as error:
        if path.name == _PROJECT:
            return None  # whatever is wrong with it is not ours to say
        raise SpecError(
            f"{path}: {error}", hint="a line is NAME = VALUE, text in quotes"
        ) from error
    if path.name == _FILE:
        return whole
    tools = whole.get("tool")
    table = tools.get("hibtest") if isinstance(tools, dict) else None
    return table if isinstance(table, dict) else None


def _converted(table: Mapping[str, Any], where: str) -> Settings:
    for key in table:
        if key not in NAMES:
            raise _unknown(key, where, NAMES)
    if isinstance(table.get("scenarios"), str):
        table = {**table, "scenarios": [table["scenarios"]]}
    said = {key: _value(key, value, f"{where}: {key}", strict=True) for key, value in table.items()}
    return Settings(**said)


def _unknown(key: str, where: str, known: tuple[str, ...]) -> SpecError:
    remedy = similar.hint(key, known, f"there are {', '.join(known)}")
    return SpecError(f"{where}: no setting is called {key!r}", hint=remedy)


def _value(name: str, value: Any, where: str, *, strict: bool) -> Any:
    """Return a setting's value; where it is text, not strictly: a number may be "4", yes "1"."""
    kind = _KINDS[name]
    try:
        return msgspec.convert(value, kind, strict=strict, dec_hook=_path)
    except msgspec.ValidationError as error:
        wanted = _WANTED[kind] if strict or kind != bool | None else "1 or 0"
        unit = " of MiB" if name == "memory" else ""
        raise SpecError(f"{where}: {value!r} is not {wanted}{unit}") from error


def _path(kind: type[T], value: Any) -> T:
    if kind is Path and isinstance(value, str):
        return kind(value)  # type: ignore[call-arg]
    raise ValueError(f"{value!r} is no {kind.__name__}")


def _at(directory: Path, said: Settings) -> Settings:
    """Return settings whose paths are as seen from the file that says them."""
    changes: dict[str, Any] = {
        name: directory / value for name in _PATHS if (value := getattr(said, name)) is not None
    }
    if said.scenarios is not None:
        changes["scenarios"] = tuple(directory / one for one in said.scenarios)
    if said.kernel is not None and "/" in said.kernel:
        changes["kernel"] = str(directory / said.kernel)
    return replace(said, **changes)
