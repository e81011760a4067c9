"""The command line, called here and not in a process of its own: what is pretended counts."""

import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from hibtest.cli.main import main


@dataclass(frozen=True, slots=True)
class Done:
    """A command that has ended: its exit status, and what it wrote."""

    status: int
    out: str
    err: str


Command = Callable[..., Done]


def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """Return what calls the command line with words."""

    def call(*words: object) -> Done:
        handler = signal.getsignal(signal.SIGTERM)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", ["hibtest", *map(str, words)])
            try:
                status = main()
            finally:
                signal.signal(signal.SIGTERM, handler)
        return Done(status, *capsys.readouterr())

    return call
