"""A graph as a tree of text, as JSON, and as a picture in graphviz's language."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hibtest.agent.needed.graph import PROCESS, Edge, Graph, Node, needed

COLOURS = {
    "filesystem": "#cfe2ff",
    "swap": "#fff3cd",
    "block": "#e2e3e5",
    "fuse": "#d1e7dd",
    "network": "#f8f9fa",
    PROCESS: "#f8d7da",
}
SHAPES = {PROCESS: "box", "block": "cylinder", "swap": "cylinder", "fuse": "hexagon"}


def lines(graph: Graph) -> Iterator[str]:
    """Yield the lines of a tree: what stands on what, and who is continued."""
    below = graph.below()
    found = needed(graph)
    wanted = {need.pid for need in found}
    for root in (*graph.roots, *graph.running):
        yield from branch(root, "", below, wanted, [])
    yield ""
    if not found:
        yield "Nothing that is written to stands on a process: nobody need be continued."
    for need in found:
        yield f"continue {need.pid} {need.comm}: {need.why}"
    yield from (f"note: {note}" for note in graph.notes)


def branch(
    node: Node, indent: str, below: dict[Node, list[Edge]], wanted: set[int], above: list[Node]
) -> Iterator[str]:
    mark = "  <- continued" if node.pid in wanted else ""
    if not indent:
        yield f"{node}{mark}"
    for edge in below.get(node, ()):
        again = edge.below in above or edge.below == node
        told = "  <- continued" if edge.below.pid in wanted else ""
        yield f"{indent}  {edge.below} [{edge.why}]{told}{' (see above)' if again else ''}"
        if not again:
            yield from branch(edge.below, indent + "  ", below, wanted, [*above, node])


def plain(graph: Graph) -> dict[str, Any]:
    """Return a graph and the processes it needs as a value for JSON."""
    return {
        "nodes": [node._asdict() for node in graph.nodes],
        "edges": [
            {"above": graph.nodes.index(edge.above), "below": graph.nodes.index(edge.below),
             "why": edge.why}
            for edge in graph.edges
        ],
        "roots": [graph.nodes.index(root) for root in graph.roots],
        "running": [graph.nodes.index(one) for one in graph.running],
        "notes": list(graph.notes),
        "needed": [need._asdict() for need in needed(graph)],
    }  # fmt: skip


def dot(graph: Graph) -> str:
    """Return a graph in graphviz's language: the disks below those who stand on them."""
    wanted = {need.pid for need in needed(graph)}
    names = {node: f"n{number}" for number, node in enumerate(graph.nodes)}
    text = [
        "digraph needed {",
        '  graph [rankdir=TB, nodesep=0.3, ranksep=0.5, fontname="sans-serif", fontsize=11,',
        '         label="What stands on what. Red, double frame: continued for the sync."];',
        '  node [style="filled", fontname="sans-serif", fontsize=11, color="#6c757d"];',
        '  edge [fontname="sans-serif", fontsize=9, color="#6c757d", fontcolor="#495057"];',
    ]
    for node, name in names.items():
        more = ', color="#dc3545", penwidth=2, peripheries=2' if node.pid in wanted else ""
        shape = SHAPES.get(node.kind, "folder" if node.kind == "filesystem" else "ellipse")
        label = quoted(f"{node.name}\n{node.pid or node.kind}")
        colour = COLOURS.get(node.kind, "#ffffff")
        text.append(f'  {name} [label={label}, shape={shape}, fillcolor="{colour}"{more}];')
    for edge in graph.edges:
        why = quoted(folded(edge.why))
        text.append(f"  {names[edge.above]} -> {names[edge.below]} [label={why}];")
    return "\n".join([*text, "}", ""])


def quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def folded(text: str, width: int = 28) -> str:
    """Return a text in lines that are not much longer than ``width``."""
    rows = [""]
    for word in text.split():
        if rows[-1] and len(rows[-1]) + len(word) >= width:
            rows.append(word)
        else:
            rows[-1] = f"{rows[-1]} {word}".strip()
    return "\n".join(rows)
