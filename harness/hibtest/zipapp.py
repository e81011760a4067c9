"""The two programs that run inside guests, each as one file: the probe and the agent.

Each has a copy of what both know of the kernel (hibtest/linux).
"""

import io
import zipfile
from pathlib import Path

_HERE = Path(__file__).parent
# The oldest date that a zip file can hold: the same sources give the same bytes.
_DATE = (1980, 1, 1, 0, 0, 0)
_SHARED = "linux"


def probe() -> bytes:
    """Return the probe as a Python zipapp: run it with ``python3 -ISB probe.pyz COMMAND``."""
    return _packed("probe", "boot.py")


def agent() -> bytes:
    """Return the agent as a Python zipapp: run it with ``python3 agent.pyz COMMAND``."""
    return _packed("agent", "__main__.py")


def _packed(package: str, main: str) -> bytes:
    # the file ``main`` becomes the zipapp's own __main__.py
    files = {"hibtest/__init__.py": b""}
    for path in (*(_HERE / package).rglob("*.py"), *(_HERE / _SHARED).rglob("*.py")):
        name = f"hibtest/{path.relative_to(_HERE).as_posix()}"
        files["__main__.py" if name == f"hibtest/{package}/{main}" else name] = path.read_bytes()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, _DATE)
            info.external_attr = 0o644 << 16
            info.create_system = 3
            archive.writestr(info, files[name], zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
