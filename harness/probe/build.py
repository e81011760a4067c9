"""Build the zipapp that is pushed into guests. The only module here that runs on the host."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
# The oldest date that a zip file can hold: the same sources give the same bytes.
DATE = (1980, 1, 1, 0, 0, 0)
# What becomes the zipapp's own __main__.py, and what stays on the host.
BOOT, HOST = "boot.py", ("boot.py", "build.py")


def zipapp() -> bytes:
    """Return the probe as a Python zipapp: the same bytes for the same sources.

    Run it with ``python3 -ISB probe.pyz COMMAND``.
    """
    files = {"__main__.py": (HERE / BOOT).read_bytes(), "harness/__init__.py": b""}
    for path in HERE.rglob("*.py"):
        if path.name not in HOST:
            files[f"harness/probe/{path.relative_to(HERE).as_posix()}"] = path.read_bytes()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, DATE)
            info.external_attr = 0o644 << 16
            info.create_system = 3
            archive.writestr(info, files[name], zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
