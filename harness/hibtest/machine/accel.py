"""KVM or TCG: KVM is believed only after a guest has really run under it.

/dev/kvm may be there, open, and make a VM and a vCPU, and still never run a guest, or make QEMU
abort on a register that the host's hypervisor keeps to itself. So a tiny guest is run first; the
answer is remembered for this boot of the host and this QEMU.
"""

import os
import signal
import subprocess
import tempfile
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

import msgspec
import platformdirs

from hibtest.errors import HostError, SpecError
from hibtest.machine.argv import cpu
from hibtest.machine.firmware import RAN_STATUS, content, options
from hibtest.machine.guard import guarded
from hibtest.machine.shape import Accel
from hibtest.machine.version import find_qemu, qemu_version

__all__ = ["Wanted", "choose", "probe", "qemu_version"]

KVM_DEVICE = Path("/dev/kvm")
PROBE_LIMIT = 3.0  # s; a guest that can run has ended after 0.2 s
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_REMEMBERED = 16  # answers; a home may be shared by several hosts
ASKED_FOR = "asked for"  # a reason
_RAN = ""  # the answer "nothing is wrong"


class Wanted(StrEnum):
    """What the user asked for."""

    AUTO = "auto"
    KVM = "kvm"
    TCG = "tcg"


def choose(qemu: str, wanted: str, *, device: Path = KVM_DEVICE) -> tuple[Accel, str]:
    """Choose the accelerator.

    A user who asks for KVM has it tried anew, whatever is remembered.

    :param wanted: A value of :class:`Wanted`.
    :return: The accelerator, and why that one, in words.
    :raise SpecError: When no such thing can be asked for.
    :raise HostError: When QEMU is not installed, or KVM is asked for and does not work.
    """
    asked = _asked(wanted)
    binary = find_qemu(qemu)
    if asked is Wanted.TCG:
        return Accel.TCG, ASKED_FOR
    trouble = _device_trouble(device)
    if trouble is None:
        trouble = _kvm_trouble(binary, believe_memory=asked is Wanted.AUTO)
    if not trouble:
        return Accel.KVM, "a guest ran under it"
    if asked is Wanted.KVM:
        raise HostError(trouble, hint="use --accel tcg")
    return Accel.TCG, trouble


def probe(qemu: Path, accel: Accel, limit: float = PROBE_LIMIT) -> str:
    """Run a tiny guest under an accelerator.

    :return: Empty when it ran, else what happened instead.
    """
    with tempfile.TemporaryDirectory(prefix="hibtest-probe-") as directory:
        firmware = Path(directory) / "firmware"
        firmware.write_bytes(content())
        try:
            done = subprocess.run(
                guarded((os.fspath(qemu), *cpu(accel), *options(firmware))),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                cwd=directory,  # a core dump, if any, goes away with it
                timeout=limit,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"a guest did not run within {limit:g} s"
    return _RAN if done.returncode == RAN_STATUS else _ending(done)


def _asked(wanted: str) -> Wanted:
    try:
        return Wanted(wanted)
    except ValueError as error:
        known = ", ".join(Wanted)
        raise SpecError(f"unknown accelerator {wanted!r}", hint=f"one of {known}") from error


def _device_trouble(device: Path) -> str | None:
    if not device.exists():
        return f"this host has no {device}"
    if not os.access(device, os.R_OK | os.W_OK):
        return f"this user may not open {device} (join the group kvm)"
    return None


def _kvm_trouble(qemu: Path, *, believe_memory: bool) -> str:
    stat = qemu.stat()
    key = f"{_BOOT_ID.read_text().strip()} {qemu} {stat.st_size} {stat.st_mtime_ns}"
    answers = _recall()
    if key not in answers or not believe_memory:
        trouble = probe(qemu, Accel.KVM)
        answers.pop(key, None)  # the newest answer stands last
        answers[key] = trouble and f"KVM is there but {trouble}"
        _remember(answers)
    return answers[key]


def _ending(done: subprocess.CompletedProcess[str]) -> str:
    lines = done.stderr.strip().splitlines()
    said = f": {lines[0]}" if lines else ""
    if done.returncode < 0:
        return f"QEMU was ended by {signal.Signals(-done.returncode).name}{said}"
    return f"QEMU ended with status {done.returncode}{said}"


# ---- what was found before


def _memory() -> Path:
    return platformdirs.user_cache_path("hibtest") / "accel.json"


# What cannot be read is as good as never written: the guest is run again.
def _recall() -> dict[str, str]:
    try:
        return msgspec.json.decode(_memory().read_bytes(), type=dict[str, str])
    except (OSError, msgspec.DecodeError):
        return {}


# A cache that cannot be written costs a probe each time, and nothing else.
def _remember(answers: dict[str, str]) -> None:
    newest = dict(list(answers.items())[-_REMEMBERED:])
    path = _memory()
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(msgspec.json.format(msgspec.json.encode(newest)) + b"\n")
        part.rename(path)
    except OSError:
        with suppress(OSError):
            part.unlink()
