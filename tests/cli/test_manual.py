"""The manual page says what --help says."""

from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from hibtest.cli.main import app
from hibtest.cli.manual import page

KEPT = Path(__file__).parents[2] / "docs" / "hibtest.1"


def test_the_page_that_is_kept_is_todays() -> None:
    assert KEPT.read_text() == page(), "python -m hibtest.cli.manual >docs/hibtest.1"


def commands() -> list[tuple[str, Any]]:
    root: Any = get_command(app)
    found: list[tuple[str, Any]] = []
    for name, one in root.commands.items():
        inner = getattr(one, "commands", None)
        found += [(name, one)] if inner is None else [(f"{name} {k}", v) for k, v in inner.items()]
    return found


@pytest.mark.parametrize(("name", "command"), commands(), ids=lambda one: str(one)[:20])
def test_every_command_and_option_is_on_it(name: str, command: Any) -> None:
    text = page().replace(r"\-", "-")
    assert f"hibtest {name}" in text
    for param in command.params:
        if param.param_type_name == "option" and param.name != "help":
            assert param.opts[-1] in text
            assert param.help, f"{name} {param.opts}: no help"


def test_no_line_of_text_is_taken_for_an_instruction() -> None:
    known = (".TH ", ".SH ", ".SS ", ".TP")
    assert all(line.startswith(known) for line in page().splitlines() if line.startswith("."))
