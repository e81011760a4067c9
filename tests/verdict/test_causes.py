"""docs/verdicts.md has every cause that a verdict can have, and none that there is not."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from hibtest import verdict
from hibtest.bench import work
from hibtest.cluster.ordered import Lost
from hibtest.cluster.site import Unwanted
from hibtest.cycle.answers import Garbled
from hibtest.cycle.watch import Stalled
from hibtest.deadline import Deadline, DeadlineExpired
from hibtest.errors import HibtestError
from hibtest.image.damage import Damaged
from hibtest.story import why

ROOM = Path(verdict.__file__).parent
PAGE = Path(__file__).parents[2] / "docs" / "verdicts.md"
# What is said with another word: names of witnesses, of exercises, of stages, and an errno.
FAMILIES = {"witness-": "witness-NAME", "audit-": "audit-NAME"}
CAUSE_AT = {
    "corrupt": 0,
    "_shown": 0,
    "_cold": 0,
    "_refused": 0,
    "found": 1,
}  # functions that are told a cause
# Evidence, of a guest and of an image; a run that is made again, and one that nobody wants.
NO_TROUBLE = {Stalled, Damaged, Lost, Unwanted}


def _first_words(call: ast.expr) -> Iterator[str]:
    """Yield the text that an expression begins with, of each text that it may be."""
    for node in ast.walk(call):
        if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
            yield FAMILIES.get(str(node.values[0].value), str(node.values[0].value))
            return
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _causes(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            words = ("cause", "kind", "name") if node.func.id == "Cause" else ("cause", "kind")
            named = [word.value for word in node.keywords if word.arg in words]
            if node.func.id in CAUSE_AT:
                cause = node.args[CAUSE_AT[node.func.id]]
                named += [] if isinstance(cause, ast.Name) else [cause]
            for value in named:
                yield from _first_words(value)
        if isinstance(node, ast.FunctionDef) and node.name == "_why_cold":
            for inner in ast.walk(node):
                if isinstance(inner, ast.Tuple) and isinstance(inner.ctx, ast.Load):
                    yield from _first_words(inner.elts[0])


def _there_are() -> set[str]:
    files = [*ROOM.glob("*.py"), Path(why.__file__), Path(work.__file__)]
    found = {cause for file in files for cause in _causes(ast.parse(file.read_text()))}
    kinds = set(HibtestError.__subclasses__()) - NO_TROUBLE
    return (found - {""}) | {kind.__name__ for kind in kinds}


def _told() -> set[str]:
    """Return the causes in the tables' columns of causes."""
    found = set()
    column = 0
    for line in PAGE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if "cause" in cells:
            column = cells.index("cause")
        elif line.startswith("| ") and len(cells) > column:
            found |= set(re.findall(r"`([^` ]+)`", cells[column]))
    return found


def test_the_page_has_every_cause_and_no_other() -> None:
    assert _told() == _there_are()


def test_an_error_has_the_word_of_its_kind() -> None:
    assert Garbled("the probe answered").kind == "GuestError"
    assert DeadlineExpired(Deadline.after(0, "the end")).kind == "DeadlineExpired"
