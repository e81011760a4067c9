"""What the probe answers, typed before anybody uses it: a guest may say anything."""

from typing import Any, TypeVar

import msgspec

from hibtest.errors import GuestError
from hibtest.printable import printable
from hibtest.reach.shell import Result

T = TypeVar("T")
_SHOWN = 120  # characters of an answer that nobody understands


class Garbled(GuestError):
    """An answer that is none: before a hibernation the guest's trouble, afterwards damage."""


class Lacks(GuestError):
    """The guest's kernel has not what a command needs.

    :ivar option: The option that it would have it by, without ``CONFIG_``.
    """

    def __init__(self, message: str, option: str) -> None:
        super().__init__(message)
        self.option = option


class Looked(msgspec.Struct, frozen=True):
    """How a witness was found, or why it could not be looked at."""

    found: Any = None
    error: str = ""


class Checked(msgspec.Struct, frozen=True):
    """Answer to ``check``; no witnesses in a life without any."""

    boot_id: str
    witnesses: dict[str, Looked] | None


class Planted(msgspec.Struct, frozen=True):
    """Answer to ``plant``: facts by witness, and where things of the guest's kernel lie."""

    boot_id: str
    witnesses: dict[str, dict[str, Any]]
    places: dict[str, Any]


class Begun(msgspec.Struct, frozen=True):
    """The audit begins an exercise."""

    begin: str


class Exercised(msgspec.Struct, frozen=True):
    """What came of an exercise."""

    name: str
    ok: bool | None
    detail: str
    seconds: float


class Trouble(msgspec.Struct, frozen=True):
    """Why a command could not be carried out."""

    message: str
    kind: str = ""
    option: str = ""


class Refused(msgspec.Struct, frozen=True):
    """The probe could not carry out a command."""

    error: Trouble


def decode(line: str, kind: type[T]) -> T:
    """Return a line of the probe's as a value that can be stored, and read back.

    :raise Garbled: When it is no such value.
    """
    try:
        value = msgspec.json.decode(line, type=kind)
        msgspec.json.decode(msgspec.json.encode(value))
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError) as error:
        raise _garbled(line, error) from error
    return value


def told(line: str, command: str) -> dict[str, Any]:
    """Return what a command of the probe tells in a line.

    :raise GuestError: When it says why it could not carry the command out.
    :raise Lacks: When that is an option that the kernel has not.
    :raise Garbled: When it is no answer.
    """
    facts = decode(line, dict[str, Any])
    if "error" in facts:
        error = typed(facts, Refused).error
        if error.option:
            raise Lacks(error.message, error.option)
        raise GuestError(f"the probe's {command}: {error.message}")
    return facts


def only(result: Result, command: str) -> dict[str, Any]:
    """Return the one answer of a command of the probe that was run to its end.

    :raise GuestError: When there is none, or as :func:`told`.
    """
    lines = result.stdout.splitlines()
    if not lines:
        why = result.stderr.strip().splitlines()[-1:] or ["nothing on its standard error"]
        raise GuestError(f"the probe's {command} printed nothing: status {result.status}: {why[0]}")
    return told(lines[-1], command)


def typed(facts: dict[str, Any], kind: type[T]) -> T:
    """Return facts as a value of their kind.

    :raise Garbled: When they are of another shape.
    """
    try:
        return msgspec.convert(facts, kind)
    except msgspec.ValidationError as error:
        raise _garbled(str(facts), error) from error


def _garbled(text: str, error: Exception) -> Garbled:
    shown = printable(text[:_SHOWN]) + ("..." if len(text) > _SHOWN else "")
    return Garbled(f"the probe answered {shown!r}: {error}")
