"""``needed [--json|--dot]``: prints what stands on what, and whom a sync needs."""

from __future__ import annotations

import json
import os
import sys

from hibtest.agent.needed import show
from hibtest.agent.needed.find import find

USAGE = "usage: needed [--json | --dot]"


def run(argv: list[str]) -> int:
    """Print the graph of this machine.

    :param argv: The words after the command's name.
    :return: The exit status: 0, or 2 for words that are not understood.
    """
    if argv in (["-h"], ["--help"]):
        print(USAGE)
        return 0
    if argv not in ([], ["--json"], ["--dot"]):
        print(f"{USAGE}, not {' '.join(argv)}", file=sys.stderr)
        return 2
    graph = find(running=(os.getpid(),))
    if argv == ["--json"]:
        print(json.dumps(show.plain(graph)))
    elif argv == ["--dot"]:
        print(show.dot(graph), end="")
    else:
        print("\n".join(show.lines(graph)))
    return 0
