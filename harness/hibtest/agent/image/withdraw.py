"""An image that must not be resumed any more: the life that it is of goes on."""

from __future__ import annotations

from typing import Any

from hibtest.agent.errors import NoImage
from hibtest.agent.image.format import COMMITTED, USED
from hibtest.agent.target import Target, open_source


def undo(args: dict[str, Any]) -> None:
    """Take an image back that was committed, or was about to be."""
    target = Target(*args["target"])
    if target.kind == "swap":
        from hibtest.agent.target import swap

        swap.withdraw(target.where)
        return
    if target.kind == "server":
        from hibtest.agent.target import server

        server.undo({"address": target.where, "keys": target.keys})
        return
    try:
        source = open_source(target)
    except NoImage:
        return
    try:
        if source.record()[: len(COMMITTED)] == COMMITTED:
            source.mark(USED)
    finally:
        source.close()
