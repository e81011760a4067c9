"""Exercises of devices: drivers, buses, network, console, clocks, random numbers."""

from __future__ import annotations

import os
import select
import socket
import termios
import time
from collections.abc import Callable
from pathlib import Path

from hibtest.linux.descriptors import closing
from hibtest.probe import procfs
from hibtest.probe.audit.exercise import Exercise
from hibtest.probe.base import FAULTS, PATIENCE, Facts, Failed, Lacking

BUS = Path("/sys/bus")
GPES = Path("/sys/firmware/acpi/interrupts")
RTC = "/sys/class/rtc/rtc0/since_epoch"
RTC_ASTRAY = 5
# Command (offset 4) and the base addresses (16 to 39) of a PCI header of type 0.
PCI_KEPT = (slice(4, 6), slice(16, 40))


def state() -> Facts:
    """Return the state of devices that hibernation must leave as it was."""
    return {**{key: look() for key, look in KEPT.items()}, "rtc": rtc_lead()}


def text_of(path: str) -> dict[str, str]:
    text = procfs.read_or(path, "")
    return {path: text} if text else {}


def drivers() -> dict[str, str]:
    """Return the driver that each device is bound to."""
    found = {}
    for bus in os.scandir(BUS):
        for device in entries(Path(bus.path) / "devices"):
            try:
                driver = Path(device.path, "driver").readlink()
            except OSError:
                continue  # a device without a driver
            found[f"{bus.name}/{device.name}"] = driver.name
    return found


def entries(directory: Path) -> list[os.DirEntry[str]]:
    try:
        return list(os.scandir(directory))
    except OSError:
        return []


def files_below(directory: Path, name: str) -> dict[str, str]:
    paths = {entry.name: f"{entry.path}/{name}" for entry in entries(directory)}
    return {key: procfs.read_or(path, "") for key, path in paths.items()}


def pci() -> dict[str, str]:
    """Return what must be kept of the configuration of PCI devices, in hexadecimal."""
    found = {}
    for device in entries(BUS / "pci/devices"):
        fd = os.open(f"{device.path}/config", os.O_RDONLY | os.O_CLOEXEC)
        config = os.read(fd, 64)
        os.close(fd)
        if config[14] & 0x7F == 0:
            found[device.name] = b"".join(config[kept] for kept in PCI_KEPT).hex()
    return found


def gpes() -> dict[str, str]:
    """Return which events of ACPI are enabled."""
    found = {}
    for entry in entries(GPES):
        words = procfs.read_or(entry.path, "").split()
        if len(words) > 1 and "invalid" not in words:
            found[entry.name] = " ".join(w for w in words[1:] if w in {"EN", "enabled", "disabled"})
    return found


def rtc_lead() -> float | None:
    """Return how many seconds the hardware clock is ahead of the system's."""
    seconds = procfs.number(RTC)
    return None if seconds is None else seconds - time.time()


KEPT: dict[str, Callable[[], dict[str, str]]] = {
    "drivers": drivers,
    "virtio": lambda: files_below(BUS / "virtio/devices", "status"),
    "pci": pci,
    "gpes": gpes,
    "wakeup": lambda: text_of("/proc/acpi/wakeup"),
    "active_tty": lambda: text_of("/sys/class/tty/tty0/active"),
}


def unchanged(key: str, what: str, recorded: Facts) -> str:
    """Compare one part of the state with before.

    :raise Failed: When entries are gone or differ; the first ones are named.
    """
    was, now = recorded["devices"][key], KEPT[key]()
    if not was:
        raise Lacking(f"this guest has no {what}")
    wrong = [f"{k} was {v!r}, is {now.get(k)!r}" for k, v in was.items() if now.get(k) != v]
    if wrong:
        raise Failed(f"{len(wrong)} of {len(was)} differ: {'; '.join(wrong[:5])}")
    return f"{len(was)} {what} as before"


def runtime_pm() -> str:
    """Look for devices whose runtime power management is in error."""
    found = {}
    for bus in entries(BUS):
        found.update(files_below(Path(bus.path) / "devices", "power/runtime_status"))
    wrong = sorted(name for name, status in found.items() if status == "error")
    if wrong:
        raise Failed(f"runtime power management in error: {', '.join(wrong)}")
    return f"{len(found)} devices, none in error"


def loopback() -> str:
    """Send a datagram to ourselves."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
        sink.bind(("127.0.0.1", 0))
        sink.settimeout(2 * PATIENCE)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as source:
            source.sendto(b"audit", sink.getsockname())
        text = sink.recv(16)
    return f"received {len(text)} bytes"


def neighbour() -> str:
    """Ask the gateway's hardware address anew: through the network card and back."""
    gateways = [words for words in routes() if words[1] == "00000000"]
    if not gateways:
        raise Lacking("there is no default route")
    address = socket.inet_ntoa(bytes.fromhex(gateways[0][2])[::-1])
    first = transmitted(gateways[0][0])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as source:
        source.sendto(b"audit", (address, 9))
    if not procfs.wait_for(lambda: answered(address) and transmitted(gateways[0][0]) > first, 3):
        raise Failed(f"no answer of {address} by {gateways[0][0]}")
    return f"{gateways[0][0]} sent, and {address} is known"


def routes() -> list[list[str]]:
    return [line.split() for line in procfs.read("/proc/net/route").splitlines()[1:]]


def transmitted(name: str) -> int:
    return procfs.number(f"/sys/class/net/{name}/statistics/tx_packets") or 0


def answered(address: str) -> bool:
    lines = [line.split() for line in procfs.read("/proc/net/arp").splitlines()[1:]]
    # Flag 2: the entry is complete (ATF_COM, include/uapi/linux/if_arp.h).
    return any(words[0] == address and int(words[2], 16) & 2 for words in lines)


def console() -> str:
    """Write a line to the serial console, and wait until it was sent."""
    names = procfs.read("/sys/class/tty/console/active").split()
    if not names:
        raise Lacking("there is no console")
    with closing(os.open(f"/dev/{names[-1]}", os.O_WRONLY | os.O_NOCTTY | os.O_CLOEXEC)) as fd:
        os.write(fd, b"hibtest: audit\r\n")
        termios.tcdrain(fd)
    return f"wrote to {names[-1]}"


def kernel_log() -> str:
    """Write a line to the kernel log, and read it back."""
    with closing(os.open("/dev/kmsg", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)) as fd:
        os.lseek(fd, 0, os.SEEK_END)
        os.write(fd, b"<7>hibtest: audit\n")
        if not select.select([fd], [], [], 2)[0]:
            raise Failed("a line written to /dev/kmsg did not come back")
        os.read(fd, 8192)
    return "a line came back"


def clocks(recorded: Facts) -> str:
    """Compare the hardware clock with the system's, and see that both go on."""
    was, now = recorded["devices"]["rtc"], rtc_lead()
    if was is None or now is None:
        raise Lacking("no hardware clock")
    if abs(now - was) > RTC_ASTRAY:
        raise Failed(f"the hardware clock was {was:.1f} s ahead of the system's, is {now:.1f} s")
    start = time.time(), time.monotonic()
    time.sleep(0.01)
    if time.time() <= start[0] or time.monotonic() <= start[1]:
        raise Failed("a clock stands still")
    return f"hardware and system clock are {abs(now):.1f} s apart"


def randomness() -> str:
    """Read random numbers of the kernel and of the hardware."""
    fds = [os.open("/dev/urandom", os.O_RDONLY | os.O_CLOEXEC)]
    if procfs.read_or("/sys/class/misc/hw_random/rng_current", "none") != "none":
        fds.append(os.open("/dev/hwrng", os.O_RDONLY | os.O_CLOEXEC))
    sizes = []
    for fd in fds:
        sizes.append(len(os.read(fd, 16)))
        os.close(fd)
    if not all(sizes):
        raise Failed("no random numbers")
    return f"read from {len(fds)} generators"


def thermal() -> str:
    """Read the temperatures of all zones."""
    zones = [e.path for e in entries(Path("/sys/class/thermal")) if "zone" in e.name]
    if not zones:
        raise Lacking("there are no thermal zones")
    try:
        read = [int(procfs.read(f"{zone}/temp")) for zone in zones]
    except FAULTS as error:
        raise Failed(f"a thermal zone cannot be read: {error}") from error
    return f"read {len(read)} zones"


def exercises(recorded: Facts) -> tuple[Exercise, ...]:
    """Return the exercises of devices."""
    resume = "dpm_resume, dpm_complete (drivers/base/power/main.c)"
    compared = (
        ("drivers", "drivers", "drivers that are bound", resume),
        ("virtio-status", "virtio", "virtio devices", "virtio_device_restore (drivers/virtio)"),
        ("pci-configuration", "pci", "PCI devices", "pci_restore_state (drivers/pci)"),
        ("acpi-events", "gpes", "ACPI events", "acpi_hibernation_leave (drivers/acpi/sleep.c)"),
        ("acpi-wakeup", "wakeup", "ACPI wakeup devices", "acpi_disable_wakeup_devices"),
        ("virtual-terminal", "active_tty", "virtual terminals", "pm_restore_console"),
    )
    same = [
        Exercise(name, covers, lambda k=key, w=what: unchanged(k, w, recorded))  # type: ignore[misc]
        for name, key, what, covers in compared
    ]
    return (
        *same,
        Exercise("runtime-pm", resume, runtime_pm),
        Exercise("loopback", "thaw_workqueues", loopback),
        Exercise("network-card", "virtnet_restore (drivers/net/virtio_net.c)", neighbour),
        Exercise("console", "resume_console (kernel/printk/printk.c)", console),
        Exercise("kernel-log", "printk_syscore (kernel/printk/printk.c)", kernel_log),
        Exercise("clocks", "timekeeping_resume (kernel/time)", lambda: clocks(recorded)),
        Exercise("randomness", "random_pm_notification (drivers/char/random.c)", randomness),
        Exercise("thermal", "thermal_pm_notify (drivers/thermal)", thermal),
    )
