"""Build the agent's zipapp. The only module here that runs on the host."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
# The oldest date that a zip file can hold: the same sources give the same bytes.
_DATE = (1980, 1, 1, 0, 0, 0)
_MAIN = b"""import sys

from harness.agent.cli import main

sys.exit(main(sys.argv[1:]))
"""


def zipapp() -> bytes:
    """Return the agent as a Python zipapp: the same bytes for the same sources.

    Run it with ``python3 agent.pyz COMMAND``.
    """
    files = {"__main__.py": _MAIN, "harness/__init__.py": b""}
    for path in HERE.rglob("*.py"):
        if path.name not in {"build.py", "__main__.py"}:
            files[f"harness/agent/{path.relative_to(HERE).as_posix()}"] = path.read_bytes()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, _DATE)
            info.external_attr = 0o644 << 16
            info.create_system = 3
            archive.writestr(info, files[name], zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
