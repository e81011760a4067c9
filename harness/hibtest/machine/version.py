"""Which QEMU is installed, and what is known against it."""

import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hibtest.errors import HostError, QemuError
from hibtest.evidence import Host
from hibtest.machine.arch import X86_64
from hibtest.machine.shape import Accel
from hibtest.spec import Scenario, Unplug
from hibtest.spec.release import release_of

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


def _unplugs(scenario: Scenario) -> bool:
    return any(isinstance(step, Unplug) for step in scenario.steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Something that is known against versions of QEMU.

    :ivar before: The first version without it.
    :ivar accel: With which accelerator it comes.
    :ivar does: What such a QEMU does.
    :ivar asks: Says of a scenario whether it would come to that.
    """

    before: tuple[int, ...]
    accel: Accel
    does: str
    asks: Callable[[Scenario], bool]

    def has(self, version: str) -> bool:
        """Return whether a version has it."""
        return release_of(version) < self.before

    def words(self, version: str) -> str:
        """Return it of a version, in one line."""
        least = ".".join(map(str, self.before))
        return f"QEMU {version} {self.does}; {least} or newer is needed"


KNOWN = (
    # "double free or corruption", a moment after DEVICE_DELETED (7.2.22; 10.0.2 does not)
    Trouble(
        before=(8,),
        accel=Accel.TCG,
        does="crashes when a CPU is unplugged under TCG",
        asks=_unplugs,
    ),
)


def known_trouble(version: str) -> str | None:
    """Return what is known against a version of QEMU, in one line."""
    found = (one.words(version) for one in KNOWN if one.has(version))
    return "; ".join(found) or None


def barred(scenario: Scenario, host: Host) -> str:
    """Return why a scenario does not apply to a host's QEMU; empty when it does."""
    met = (one for one in KNOWN if one.has(host.qemu) and one.accel == host.accel)
    return "; ".join(one.words(host.qemu) for one in met if one.asks(scenario))
