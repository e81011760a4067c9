"""Frozen values as JSON, and back from a file that may come from anybody."""

import os
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from hibtest import similar
from hibtest.errors import HostError, SpecError
from hibtest.given import opened

T = TypeVar("T")

_LONGEST = 64 << 20  # bytes; a run of some lives has some hundred KiB
_HINT = "give the directory of a run"


def to_json(value: object) -> bytes:
    """Return any of our frozen values as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(value, enc_hook=_encode), indent=2) + b"\n"


def read_json(path: Path, kind: type[T]) -> T:
    """Read one of our frozen values back from a JSON file.

    :raise SpecError: When the file is not there, does not hold such a value, or holds one of a
        version that is none of ours: what it says would be taken for something else.
    """
    return _of(kind, _given(path, kind), path)


def read_written(path: Path, kind: type[T]) -> T:
    """Read a value that somebody may have written by hand: what is not known is no oversight.

    :raise SpecError: As :func:`read_json` does, and when a field is none of the value's.
    """
    given = _given(path, kind)
    value = _of(kind, given, path)
    known = msgspec.json.decode(msgspec.json.encode(value, enc_hook=_encode))
    for where, name, names in _strangers(given, known, ""):
        remedy = similar.hint(name, names, f"there are {', '.join(names)}")
        raise SpecError(f"{path}: {where or kind.__name__} has no field {name!r}", hint=remedy)
    return value


def _given(path: Path, kind: type[Any]) -> Any:
    """Return what a file holds, in today's form: a kind that had others has ``today``."""
    try:
        given = msgspec.json.decode(_read(path))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SpecError(f"{path}: not a {kind.__name__}: {error}") from error
    if not isinstance(given, dict):
        return given
    _require_known(given.get("version"), kind, path)
    today = getattr(kind, "today", None)
    return today(given) if today else given


def _require_known(version: Any, kind: type[Any], path: Path) -> None:
    """Refuse a version of a kind of values that is newer than what is written now, or was none."""
    defaults = {one.name: one.default for one in fields(kind)} if is_dataclass(kind) else {}
    ours = defaults.get("version")
    if isinstance(ours, int) and isinstance(version, int) and not 1 <= version <= ours:
        what = f"{path}: {kind.__name__} of version {version}; this hibtest knows up to {ours}"
        raise SpecError(what, hint="read it with the hibtest that wrote it, or a newer one")


def _of(kind: type[T], given: Any, path: Path) -> T:
    try:
        return msgspec.convert(given, kind, dec_hook=_decode)
    except (msgspec.ValidationError, RecursionError) as error:
        raise SpecError(f"{path}: not a {kind.__name__}: {error}") from error
    except SpecError as error:
        raise SpecError(f"{path}: {error.message}", hint=error.hint) from error


def _strangers(given: Any, known: Any, where: str) -> Iterator[tuple[str, str, list[str]]]:
    """Yield each field that is given and not known: where it is, and what could be there."""
    if isinstance(given, dict) and isinstance(known, dict):
        for name, value in given.items():
            if name not in known:
                yield where, name, list(known)
            else:
                yield from _strangers(value, known[name], f"{where}.{name}".strip("."))
    elif isinstance(given, list) and isinstance(known, list):
        for number, (one, other) in enumerate(zip(given, known, strict=False)):
            yield from _strangers(one, other, f"{where}[{number}]")


def _read(path: Path) -> bytes:
    try:
        with opened(path, "file of a run", device=False) as fd:
            size = os.fstat(fd).st_size
            if size > _LONGEST:
                raise SpecError(f"{path}: {size >> 20} MiB are no file of a run", hint=_HINT)
            with os.fdopen(fd, "rb", closefd=False) as file:
                return file.read(_LONGEST)
    except OSError as error:
        raise SpecError(f"{path}: {error.strerror}", hint=_HINT) from error
    except HostError as error:
        raise SpecError(error.message, hint=_HINT) from error


def _encode(value: object) -> str:
    if isinstance(value, Path):
        return str(value)
    raise NotImplementedError(type(value))


def _decode(kind: type[Any], value: Any) -> Any:
    if kind is Path:
        return Path(value)
    raise NotImplementedError(kind)
