"""What workers tell of their runs, shown on the board: with the host if there are several."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from hibtest.cluster.work import EVENT, STARTS
from hibtest.events import Sink, from_line
from hibtest.report.board import Board


class Rows:
    """The rows of a board, by the names of runs.

    :param hosts: The hosts that are known.
    """

    def __init__(self, board: Board, hosts: Iterable[str]) -> None:
        self._board = board
        self._hosts = set(hosts)
        self._lock = threading.Lock()
        self._open: dict[str, _Row] = {}

    def note(self, name: str, text: str) -> None:
        """Tell something that a user would want to know of a run."""
        self._board.note(name, text)

    @contextmanager
    def row(self, run: str, name: str) -> Iterator[None]:
        """Have a row for a run, from its start on.

        :param name: How it is shown.
        """
        with ExitStack() as stack:
            self._open[run] = _Row(name, stack)
            try:
                yield
            finally:
                with self._lock:
                    del self._open[run]

    def take(self, message: dict[str, Any]) -> None:
        """Take what a worker tells; what is told of a run that is over goes nowhere."""
        with self._lock:
            row = self._open.get(str(message.get("run")))
            if row is None:
                return
            if message["what"] == STARTS:
                self._start(row, str(message["host"]))
            elif message["what"] == EVENT and row.sink is not None:
                row.sink(from_line(message["line"]))

    def _start(self, row: "_Row", host: str) -> None:
        self._hosts.add(host)
        if row.sink is not None:  # Dask has it made anew, since the worker is gone
            self._board.note(row.name, f"its worker is gone: once more on {host}")
            row.stack.close()
        shown = f"{row.name} on {host}" if len(self._hosts) > 1 else row.name
        row.sink = row.stack.enter_context(self._board.run(shown))


class _Row:
    def __init__(self, name: str, stack: ExitStack) -> None:
        self.name, self.stack = name, stack
        self.sink: Sink | None = None
