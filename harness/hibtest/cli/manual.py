"""The manual page, from the same words as ``--help``: ``python -m hibtest.cli.manual``."""

import re
from collections.abc import Iterator
from typing import Any

from typer import Context
from typer.main import get_command

from hibtest import __version__
from hibtest.cli.main import STATUSES, app
from hibtest.settings import NAMES

_ENVIRONMENT = (
    ("HIBTEST_NAME", f"A setting, such as HIBTEST_VCPUS=4. NAME is of {', '.join(NAMES).upper()}."),
    ("HIBTEST_NO_PROOF, HIBTEST_NO_RETRY", "1 is as --no-proof and --no-retry."),
    ("HIBTEST_DEBIAN_MIRROR", "Where guest disks get Debian's packages from."),
    ("XDG_CACHE_HOME", "Guest disks are in hibtest/ below it; ~/.cache if it is not set."),
    ("TMPDIR", "Seats for emulated guests are in hibtest-seats-UID below it."),
)
_FILES = (
    ("hibtest.toml, pyproject.toml", "Settings of a project; of the latter [tool.hibtest]."),
    ("runs/SCENARIO/N", "A run: all that was seen, its verdict, rerun.sh."),
    ("runs/latest", "The last run that has a verdict."),
)


def page() -> str:
    """Return hibtest(1) in the language of man(7)."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    command: Any = get_command(app)
    yield f'.TH HIBTEST 1 "" "hibtest {__version__}" "User Commands"'
    yield from _section("NAME", "hibtest \\- integration tests of Linux hibernation")
    yield from _section(
        "SYNOPSIS", r"\fBhibtest\fP \fICOMMAND\fP [\fIOPTION\fP]... [\fIARGUMENT\fP]..."
    )
    yield from _section("DESCRIPTION", _text(command.help))
    yield ".SH COMMANDS"
    for name, one in command.commands.items():
        commands = getattr(one, "commands", None)
        if commands is None:
            yield from _command(name, one)
        else:
            for inner, two in commands.items():
                yield from _command(f"{name} {inner}", two)
    yield ".SH EXIT STATUS"
    for status, what in STATUSES.items():
        yield from _item(str(status), what)
    for title, items in (("ENVIRONMENT", _ENVIRONMENT), ("FILES", _FILES)):
        yield f".SH {title}"
        for name, what in items:
            yield from _item(name, what)


def _section(title: str, *lines: str) -> Iterator[str]:
    yield f".SH {title}"
    yield from lines


def _command(name: str, command: Any) -> Iterator[str]:
    arguments = [param for param in command.params if param.param_type_name == "argument"]
    options = [param for param in command.params if param.param_type_name == "option"]
    words = [_shape(one) for one in arguments]
    yield ".SS " + " ".join([rf"\fBhibtest {_text(name)}\fP", r"[\fIOPTION\fP]...", *words])
    yield _text(re.sub(r"\s+", " ", command.help or ""))
    for one in arguments:
        if one.help:
            yield from _item(_metavar(one), one.help)
    context = Context(command)
    for one in options:
        if one.name != "help":
            yield from _item(*one.get_help_record(context))


def _shape(argument: Any) -> str:
    text = rf"\fI{_text(_metavar(argument))}\fP" + ("..." if argument.nargs == -1 else "")
    return text if argument.required else f"[{text}]"


def _metavar(param: Any) -> str:
    return str(param.metavar or param.name.upper()).strip("[]")


def _item(name: str, what: str) -> Iterator[str]:
    yield ".TP"
    yield rf"\fB{_text(name)}\fP"
    yield _text(what)


def _text(text: str) -> str:
    """Return text as it is, none of it an instruction."""
    plain = text.strip().replace("\\", r"\e").replace("-", r"\-")
    return rf"\&{plain}" if plain.startswith((".", "'")) else plain


if __name__ == "__main__":
    print(page(), end="")
