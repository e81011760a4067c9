"""The zipapp's own ``__main__``: imports the probe's modules, compiling them once in a life.

Under TCG to compile the probe takes longer than all that it does, and Python does not keep what
it compiled of a zip file. So ``plant`` keeps it for the commands that follow.
"""

from __future__ import annotations

import contextlib
import gc
import importlib.machinery
import marshal
import os
import sys
import types
import zipimport
from pathlib import Path

CODE = Path(os.environ.get("HIBTEST_PROBE_RUN", "/run/hibtest")) / "code"


class Importer:
    """Imports the modules of the archive that this file is in."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        self.archive = zipimport.zipimporter(path)
        self.codes: dict[str, types.CodeType] = {}

    def find_spec(self, name: str, *_: object) -> importlib.machinery.ModuleSpec | None:
        """Find a module (importlib.abc.MetaPathFinder)."""
        if name.partition(".")[0] != "hibtest":
            return None
        package = self.source(name, "/__init__.py") is not None
        return importlib.machinery.ModuleSpec(name, self, is_package=package)  # type: ignore[arg-type]

    def source(self, name: str, end: str) -> bytes | None:
        """Return the source of a module, ``None`` when the archive has no such file."""
        try:
            return self.archive.get_data(name.replace(".", "/") + end)
        except OSError:
            return None

    def create_module(self, _: importlib.machinery.ModuleSpec) -> None:
        """Leave the making of the module to Python (importlib.abc.Loader)."""

    def exec_module(self, module: types.ModuleType) -> None:
        """Run a module's code, compiled if it has to be (importlib.abc.Loader)."""
        name = module.__name__
        if name not in self.codes:
            source = self.source(name, "/__init__.py" if hasattr(module, "__path__") else ".py")
            if source is None:
                raise ModuleNotFoundError(f"no module {name} in the archive", name=name)
            self.codes[name] = compile(source, name, "exec")
        exec(self.codes[name], module.__dict__)  # noqa: S102

    def stamp(self) -> tuple[int, int]:
        """Return what tells this archive from another one that was pushed later."""
        status = self.path.stat()
        return status.st_size, status.st_mtime_ns

    def load(self) -> None:
        """Take what an earlier command of this life has compiled."""
        try:
            stamp, codes = marshal.loads(CODE.read_bytes())  # noqa: S302
        except (OSError, ValueError, EOFError, TypeError):
            return  # the first command of this life
        if stamp == self.stamp():
            self.codes = codes

    def save(self) -> None:
        """Keep what was compiled; where nothing can be kept, go without."""
        part = CODE.with_suffix(".part")
        with contextlib.suppress(OSError):
            part.write_bytes(marshal.dumps((self.stamp(), self.codes)))
            part.replace(CODE)


def run() -> int:
    """Run the command on the command line; return its exit status."""
    # These processes are short or hold little; collecting garbage would copy, after each fork,
    # all the pages that it looks at.
    gc.disable()
    importer = Importer(sys.argv[0])
    importer.load()
    known = len(importer.codes)
    sys.meta_path.insert(0, importer)
    from hibtest.probe.__main__ import main

    status = main(sys.argv[1:])
    if len(importer.codes) > known:
        importer.save()
    return status


if __name__ == "__main__":
    sys.exit(run())
