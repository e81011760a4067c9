"""Which QEMU is installed, and what is known against it."""

import re
import shutil
import subprocess
from pathlib import Path

from hibtest.errors import HostError, QemuError
from hibtest.machine.arch import X86_64

QEMU, PACKAGE = X86_64.qemu, X86_64.package  # of this host's guests


def find_qemu(qemu: str) -> Path:
    """Return the absolute path of a QEMU binary.

    :raise HostError: When it is not installed.
    """
    found = shutil.which(qemu)
    if found is None:
        raise HostError(f"{qemu} is not installed", hint=f"apt install {PACKAGE}")
    return Path(found).absolute()


def qemu_version(qemu: str) -> str:
    """Return the version of a QEMU, such as ``10.0.2``.

    :raise HostError: When it is not installed.
    :raise QemuError: When it does not say its version.
    """
    command = (str(find_qemu(qemu)), "--version")
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    found = re.search(r"version (\d+(?:\.\d+)+)", done.stdout)
    if found is None:
        raise QemuError(
            f"{qemu} --version says no version: {(done.stdout + done.stderr).strip()!r}",
            argv=command,
            returncode=done.returncode,
            stderr=done.stderr,
        )
    return found[1]


def known_trouble(version: str) -> str | None:
    """Return what is known against a version of QEMU, in one line."""
    if int(version.split(".", maxsplit=1)[0]) < 8:
        return f"QEMU {version} crashes when a CPU is unplugged under TCG; 8 or newer is needed"
    return None
