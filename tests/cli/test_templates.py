"""``hibtest templates``: what there is, and none of it."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from hibtest.bench.prepare import templates_dir
from hibtest.cli.templates import list_, prune
from hibtest.cycle.template.shelf import Shelf
from hibtest.store import Recipe


def _fill(directory: Path) -> Mapping[str, object]:
    (directory / "state").write_bytes(b"s" * 8192)
    return {"scenario": "one\x1b[2J", "kernel": "6.12"}


def test_templates_are_listed_and_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    shelf, recipe = Shelf(templates_dir()), Recipe(kind="template-early", inputs={})
    shelf.make(recipe, _fill)
    shelf.use(recipe.key)
    list_()
    first, last = capsys.readouterr().out.splitlines()
    assert first.startswith(recipe.key)
    assert " 1 boots  6.12, made for one" in first
    assert first.isprintable()
    assert last.startswith(f"{tmp_path}/hibtest/templates: ")
    list_(json=True)
    [told] = json.loads(capsys.readouterr().out)
    assert (told["key"], told["uses"]) == (recipe.key, 1)
    prune()
    assert "freed" in capsys.readouterr().out
    assert shelf.kept() == ()
