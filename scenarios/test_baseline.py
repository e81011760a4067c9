"""Does a plain hibernation, by the kernel's own path, come back as it went?

Three kernels, both ways of powering off, 1, 2 and 4 vCPUs. In mode platform, where there is more
that must be given back, with 2 vCPUs each life is hibernated twice. Then the ways in which it must
*not* come back: no swap, too little of it, no memory for it, hibernation that is off, noresume, the
wrong device.
"""

from dataclasses import replace

import pytest

from hibtest.spec import (
    Do,
    Expected,
    Firmware,
    GuestSpec,
    KernelMethod,
    Layout,
    Mode,
    MuchMemory,
    Outcome,
    ResumeSpec,
    Scenario,
    SwapDisk,
)
from hibtest.verdict import Verdict


def _full(kernel: str, mode: Mode, vcpus: int, *tags: str) -> Scenario:
    return Scenario(
        name=f"baseline-KERNEL-{mode}-{vcpus}cpu",
        guest=GuestSpec(kernel=kernel, vcpus=vcpus),
        method=KernelMethod(mode=mode),
        lives=2 if mode is Mode.PLATFORM and vcpus == 2 else 1,
        tags=("baseline", *tags),
    )


def _uefi(kernel: str, *tags: str) -> Scenario:
    return Scenario(
        name="baseline-KERNEL-ovmf",
        guest=GuestSpec(kernel=kernel, firmware=Firmware.OVMF),
        tags=("baseline", *tags),
    )


def _refused(kernel: str, why: str, layout: Layout, errno: str, *tags: str) -> Scenario:
    return Scenario(
        name=f"refused-KERNEL-{why}",
        guest=GuestSpec(kernel=kernel),
        layout=layout,
        expected=Expected(outcome=Outcome.REFUSED, cause=errno),
        tags=("refused", *tags),
    )


def _no_memory(kernel: str, *tags: str) -> Scenario:
    scenario = _refused(kernel, "no-memory", (SwapDisk(),), "ENOMEM", *tags)
    return replace(scenario, workloads=(MuchMemory(locked=True),))


def _off(kernel: str, why: str, guest: GuestSpec, *before: Do) -> Scenario:
    scenario = _refused(kernel, why, (SwapDisk(),), "EPERM", "wide")
    return replace(scenario, guest=replace(guest, kernel=kernel), before=before)


def _cold(kernel: str, why: str, resume: ResumeSpec, *tags: str) -> Scenario:
    return Scenario(
        name=f"cold-KERNEL-{why}",
        guest=GuestSpec(kernel=kernel, vcpus=1),
        resume=resume,
        expected=Expected(outcome=Outcome.COLD_BOOT, cause=why),
        tags=("cold", *tags),
    )


pytestmark = pytest.mark.guest

# The toolbox is a disk that is there and holds no swap header.
WRONG_DEVICE = ResumeSpec(device="/dev/disk/by-id/virtio-toolbox")
NO_RESUME = ResumeSpec(noresume=True)
TOO_SMALL = (SwapDisk(size_mib=8),)
# What switches hibernation off: hibernation_available(), kernel/power/hibernate.c.
PLAIN = GuestSpec(kernel="trixie")
NOHIBERNATE = replace(PLAIN, append=("nohibernate",))
SECRET = Do(
    command="python3 -c 'import ctypes, os, time; fd = ctypes.CDLL(None).syscall(447, 0); "
    "assert fd >= 0; os.fork() and os._exit(0); time.sleep(9999)' >/dev/null 2>&1 </dev/null"
)
LOCKDOWN = Do(
    command="mountpoint -q /sys/kernel/security || mount -t securityfs none /sys/kernel/security; "
    "echo integrity >/sys/kernel/security/lockdown"
)

SCENARIOS = (
    _full("bookworm", Mode.PLATFORM, 1, "wide"),
    _full("bookworm", Mode.PLATFORM, 2, "smoke"),
    _full("bookworm", Mode.PLATFORM, 4, "wide"),
    _full("bookworm", Mode.SHUTDOWN, 1, "wide"),
    _full("bookworm", Mode.SHUTDOWN, 2, "wide"),
    _full("bookworm", Mode.SHUTDOWN, 4, "wide"),
    _full("trixie", Mode.PLATFORM, 1, "wide"),
    _full("trixie", Mode.PLATFORM, 2, "smoke"),
    _full("trixie", Mode.PLATFORM, 4, "wide"),
    _full("trixie", Mode.SHUTDOWN, 1, "wide"),
    _full("trixie", Mode.SHUTDOWN, 2, "wide"),
    _full("trixie", Mode.SHUTDOWN, 4, "wide"),
    _full("backports", Mode.PLATFORM, 1, "wide"),
    _full("backports", Mode.PLATFORM, 2, "smoke"),
    _full("backports", Mode.PLATFORM, 4, "wide"),
    _full("backports", Mode.SHUTDOWN, 1, "wide"),
    _full("backports", Mode.SHUTDOWN, 2, "wide"),
    _full("backports", Mode.SHUTDOWN, 4, "wide"),
    _uefi("bookworm", "wide"),
    _uefi("trixie", "wide"),
    _uefi("backports", "wide"),
    # swsusp_write() finds no swap device to write to: kernel/power/swap.c get_swap_writer()
    _refused("bookworm", "no-swap", (), "ENODEV", "wide"),
    _refused("trixie", "no-swap", (), "ENODEV"),
    _refused("backports", "no-swap", (), "ENODEV", "wide"),
    # with compression the room is not looked at beforehand: the write itself runs out of it
    _refused("bookworm", "small-swap", TOO_SMALL, "ENOSPC", "wide"),
    _refused("trixie", "small-swap", TOO_SMALL, "ENOSPC"),
    _refused("backports", "small-swap", TOO_SMALL, "ENOSPC", "wide"),
    # what is locked can be neither copied nor swapped out: hibernate_preallocate_memory()
    _no_memory("bookworm", "wide"),
    _no_memory("trixie"),
    _no_memory("backports", "wide"),
    _off("bookworm", "nohibernate", NOHIBERNATE),
    _off("trixie", "nohibernate", NOHIBERNATE),
    _off("backports", "nohibernate", NOHIBERNATE),
    # 6.1 has memfd_secret() with secretmem.enable=1 only
    _off("trixie", "secretmem", PLAIN, SECRET),
    _off("backports", "secretmem", PLAIN, SECRET),
    _off("bookworm", "lockdown", PLAIN, LOCKDOWN),
    _off("trixie", "lockdown", PLAIN, LOCKDOWN),
    _off("backports", "lockdown", PLAIN, LOCKDOWN),
    _cold("bookworm", "noresume", NO_RESUME, "wide"),
    _cold("trixie", "noresume", NO_RESUME),
    _cold("backports", "noresume", NO_RESUME, "wide"),
    _cold("bookworm", "no-image", WRONG_DEVICE, "wide"),
    _cold("trixie", "no-image", WRONG_DEVICE),
    _cold("backports", "no-image", WRONG_DEVICE, "wide"),
)


def test_baseline(hib_verdict: Verdict) -> None:
    assert hib_verdict.as_expected, str(hib_verdict)
