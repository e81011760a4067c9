"""A tree of files that stands for /proc, /sys and /dev, whatever opens them."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SERVED = ("/proc", "/sys", "/dev")
OWN = frozenset({"/dev/null", "/dev/urandom"})  # this machine's do
RECORDED = Path(__file__).parent / "recorded"
KERNELS = ("6.1", "6.12", "7.3")


class Tree:
    """What a guest's kernel shows.

    :ivar wrote: ``(path, text)`` of all that was written by :func:`hibtest.probe.procfs.write`.
    :ivar reacts: What the kernel does when something is written to a file; it may return an
        error.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.wrote: list[tuple[str, str]] = []
        self.reacts: dict[str, Callable[[str], object]] = {}

    def at(self, path: str) -> Path:
        """Return where a file of the kernel is kept."""
        return self.root / path.lstrip("/")

    def put(self, path: str, text: str | bytes) -> None:
        """Have a file."""
        self.at(path).parent.mkdir(parents=True, exist_ok=True)
        self.at(path).write_bytes(text.encode() if isinstance(text, str) else text)

    def link(self, path: str, target: str) -> None:
        """Have a symbolic link."""
        self.at(path).parent.mkdir(parents=True, exist_ok=True)
        self.at(path).symlink_to(target)

    def drop(self, path: str) -> None:
        """Have a file no more."""
        self.at(path).unlink()

    def edit(self, path: str, was: str, now: str) -> None:
        """Change a text that is in a file."""
        text = self.at(path).read_text()
        assert was in text
        self.put(path, text.replace(was, now))

    def load(self, kernel: str) -> None:
        """Have all that was recorded of a kernel."""
        for path, text in json.loads((RECORDED / f"{kernel}.json").read_text()).items():
            if text.startswith("-> "):
                self.link(path, text[3:])
            elif text.startswith("hex:"):
                self.put(path, bytes.fromhex(text[4:]))
            else:
                self.put(path, text)

    def write(self, path: str | Path, text: str) -> None:
        """Take what is written to a file, as a kernel does: whole, or not at all."""
        self.wrote.append((str(path), text))
        if str(path) not in self.reacts:
            if not self.at(str(path)).exists():
                raise FileNotFoundError(2, "No such file or directory", str(path))
            self.put(str(path), text)
        elif isinstance(error := self.reacts[str(path)](text), OSError):
            raise error

    def redirected(self, real: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function of os that looks here for what it would find there."""

        def instead(path: Any, *rest: Any, **named: Any) -> Any:
            text = os.fspath(path) if isinstance(path, (str, Path)) else ""
            served = text.startswith(SERVED) and text not in OWN
            return real(self.at(text) if served else path, *rest, **named)

        return instead

    def serve(self, patch: pytest.MonkeyPatch) -> None:
        """Stand for the kernel from now on."""
        for name in ("open", "scandir", "listdir", "stat", "readlink", "access"):
            patch.setattr(os, name, self.redirected(getattr(os, name)))
