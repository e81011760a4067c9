"""What is shown of a graph: a tree, JSON, graphviz."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from hibtest.agent.needed import Edge, Graph, Node
from hibtest.agent.needed.show import dot, lines, plain

DISK, FUSE = Node("filesystem", '/mnt "a" (fuse, 0:40)'), Node("fuse", "connection 40")
SERVER, HELPER = Node("process", "sshfs", 10), Node("process", "ssh", 11)
GRAPH = Graph(
    nodes=(DISK, FUSE, SERVER, HELPER),
    edges=(
        Edge(DISK, FUSE, "served by a process"),
        Edge(FUSE, SERVER, "serves it"),
        Edge(SERVER, HELPER, "a pipe, descriptor 3"),
        Edge(HELPER, SERVER, "a pipe, descriptor 0"),
    ),
    roots=(DISK,),
    notes=("something is not known",),
)


def test_tree_says_whom_it_continues_and_why_and_ends_in_circles() -> None:
    text = "\n".join(lines(GRAPH))
    assert "sshfs (10) [serves it]  <- continued" in text
    assert "(see above)" in text
    assert "continue 11 ssh: filesystem" in text
    assert "note: something is not known" in text


def test_json_refers_to_nodes_by_their_place() -> None:
    value = json.loads(json.dumps(plain(GRAPH)))
    assert value["edges"][1] == {"above": 1, "below": 2, "why": "serves it"}
    assert [need["pid"] for need in value["needed"]] == [10, 11]


def test_graphviz_marks_the_needed_and_escapes_names() -> None:
    text = dot(GRAPH)
    assert text.count("peripheries=2") == 2
    assert '\\"a\\"' in text
    assert text.count(" -> ") == len(GRAPH.edges)


@pytest.mark.parametrize(("option", "begins"), [("--json", "{"), ("--dot", "digraph")])
def test_command(option: str, begins: str) -> None:
    code = "import sys; from hibtest.agent.needed.command import run; sys.exit(run(sys.argv[1:]))"
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", code, option], capture_output=True, text=True, check=True, cwd=root
    )
    assert done.stdout.startswith(begins)


def test_command_refuses_other_words() -> None:
    from hibtest.agent.needed.command import run

    assert run(["--yaml"]) == 2
