"""Writes the reference of what a run stores from the types themselves.

python docs/tools/reference.py              prints docs/evidence.md
python docs/tools/reference.py --check      says whether that file is today's
"""

import dataclasses
import inspect
import re
import sys
import types
import typing
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import msgspec

from hibtest.evidence import Evidence
from hibtest.job import Job
from hibtest.spec import Scenario
from hibtest.verdict import Verdict

FILE = Path(__file__).parents[1] / "evidence.md"
_HEAD = (
    "# What a run stores: fields of its JSON files\n\n"
    "Written by docs/tools/reference.py from the types; do not edit it. "
    "[A run's directory](run-directory.md) says which file is what. All values are JSON: "
    "a tuple is a list, a path is text, `null` is nothing. A type in a union has its tag in the "
    "field `type`. New fields come with a default, so that older files can be read: evidence is "
    "judged again years later.\n"
)
_FILES: dict[str, type] = {
    "evidence.json": Evidence,
    "verdict.json": Verdict,
    "scenario.json": Scenario,
    "job.json": Job,
}
_IVAR = re.compile(r":ivar (\w+): (.*?)(?=\n\s*:|\Z)", re.DOTALL)


def page() -> str:
    """Return the reference as Markdown."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield _HEAD
    for name, kind in _FILES.items():
        yield f"* `{name}`: {_link(kind)}"
    seen: dict[type, None] = {}
    for kind in _FILES.values():
        _walk(kind, seen)
    yield ""
    for kind in seen:
        yield from _section(kind)


def _walk(kind: Any, seen: dict[type, None]) -> None:
    if isinstance(kind, type) and (_is_ours(kind) or issubclass(kind, Enum)) and kind not in seen:
        seen[kind] = None
        for inner in typing.get_type_hints(kind).values() if _is_ours(kind) else ():
            _walk(inner, seen)
    for inner in typing.get_args(kind):
        _walk(inner, seen)


def _is_ours(kind: type) -> bool:
    is_value = dataclasses.is_dataclass(kind) or issubclass(kind, msgspec.Struct)
    return is_value and kind.__module__.startswith("hibtest.")


def _section(kind: type) -> Iterator[str]:
    yield f"## {kind.__name__}\n"
    text = inspect.getdoc(kind) or ""
    yield f"{_plain(text.split(':ivar', 1)[0].split(':raise', 1)[0])}\n"
    if issubclass(kind, Enum):
        yield ", ".join(f"`{one.value}`" for one in kind) + "\n"
        return
    meanings = {name: _plain(what) for name, what in _IVAR.findall(text)}
    if tag := getattr(getattr(kind, "__struct_config__", None), "tag", None):
        yield f"Its tag is `{tag}`.\n"
    hints = typing.get_type_hints(kind)
    fields = {
        name: hint
        for name, hint in hints.items()
        if not name.startswith("_") and typing.get_origin(hint) is not typing.ClassVar
    }
    if not fields:
        return
    yield "| field | type | what |\n|---|---|---|"
    for name, hint in fields.items():
        yield f"| `{name}` | {_typed(hint)} | {meanings.get(name, '').replace('|', '&#124;')} |"
    yield ""


def _plain(text: str) -> str:
    text = re.sub(r"``(.*?)``", r"`\1`", re.sub(r":\w+:`~?\.?(.*?)`", r"`\1`", text))
    return " ".join(text.split())


def _typed(hint: Any) -> str:
    if hint is None or hint is types.NoneType:
        return "null"
    arguments = typing.get_args(hint)
    origin = typing.get_origin(hint)
    if origin in (types.UnionType, typing.Union):
        return " or ".join(map(_typed, arguments))
    if origin is tuple:
        inner = [one for one in arguments if one is not Ellipsis]
        return f"list of {_typed(inner[0])}" if len(inner) == 1 else "list"
    if origin is dict:
        return "object"
    if isinstance(hint, type) and (_is_ours(hint) or issubclass(hint, Enum)):
        return _link(hint)
    names = {str: "text", Path: "text", int: "integer", float: "number", bool: "true or false"}
    return names.get(hint, "any value")


def _link(kind: type) -> str:
    return f"[{kind.__name__}](#{kind.__name__.lower()})"


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        sys.exit(FILE.read_text() != page())
    print(page(), end="")
