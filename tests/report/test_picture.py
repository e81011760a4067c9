"""Pictures: drawn by the real graphviz, and done without where it is missing."""

import logging
import shutil
from pathlib import Path

import pytest

from hibtest.errors import HostError
from hibtest.report.picture import PROGRAM, draw

GRAPH = 'digraph g { a [label="loop0"]; b [label="python3"]; a -> b; }\n'


@pytest.mark.skipif(shutil.which(PROGRAM) is None, reason="dot is missing: apt install graphviz")
def test_a_graph_becomes_a_picture(tmp_path: Path) -> None:
    picture = draw(GRAPH, tmp_path / "needed")
    assert picture == tmp_path / "needed.svg"
    assert ">loop0</text>" in picture.read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["needed.dot", "needed.svg"]


def test_without_graphviz_the_graph_is_kept_and_it_is_said_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    with caplog.at_level(logging.WARNING):
        kept = draw(GRAPH, tmp_path / "needed.svg")
    assert kept.name == "needed.dot"
    assert kept.read_text() == GRAPH
    assert "apt install graphviz" in caplog.text


@pytest.mark.skipif(shutil.which(PROGRAM) is None, reason="dot is missing: apt install graphviz")
def test_what_is_no_graph_is_told_in_graphvizs_words(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="syntax error"):
        draw("digraph {", tmp_path / "needed")


def test_a_directory_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="cannot be written"):
        draw(GRAPH, tmp_path / "none" / "needed")
