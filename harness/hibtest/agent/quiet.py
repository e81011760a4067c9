"""Nothing new after the freeze: what is imported or opened then may wait for ever."""

from __future__ import annotations

import sys
from typing import Any

_WATCHED = frozenset({"open", "import", "os.fork", "subprocess.Popen", "socket.__new__"})


class Quiet:
    """Notes, once begun, what the agent itself opens, imports or starts.

    :ivar broken: What was done all the same.
    """

    def __init__(self) -> None:
        self.broken: list[str] = []
        self.begun = False
        sys.addaudithook(self._hook)

    def _hook(self, event: str, args: tuple[Any, ...]) -> None:
        if self.begun and event in _WATCHED:
            self.broken.append(f"{event} {args[0] if args else ''}")
