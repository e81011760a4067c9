"""What the probe reads: tables of the kernel."""

from pathlib import Path

import pytest

from hibtest.linux.tasks import PF_KTHREAD
from hibtest.probe import hibernator, procfs
from hibtest.probe.audit.symbols import Kcore
from hibtest.probe.witnesses import clocks, system, threads
from hibtest.probe.witnesses.threads import Thread

INTERRUPTS = """\
           CPU0       CPU1
  4:          0         30   IO-APIC   4-edge      ttyS0
 25:        186          0  PCI-MSIX-0000:00:03.0   1-edge      virtio1-req.0
 26:          1          2  PCI-MSIX-0000:00:04.0   1-edge      virtio1-req.0
LOC:       2107       1915   Local timer interrupts
ERR:          0
"""


@pytest.mark.parametrize(
    ("text", "cpus"), [("0", {0}), ("0-3", {0, 1, 2, 3}), ("0-1,4", {0, 1, 4}), ("", set())]
)
def test_lists_of_cpus(text: str, cpus: set[int]) -> None:
    assert procfs.cpu_list(text) == cpus


def test_interrupts_are_counted_by_device() -> None:
    assert system.count(INTERRUPTS) == {"ttyS0": 30, "virtio1-req.0": 189}


def thread(pid: int, comm: str, parent: int, flags: int = 0) -> Thread:
    return Thread(pid, pid, comm, "S", parent, flags, 1)


def test_only_what_hangs_on_an_ssh_session_is_passing() -> None:
    found = [
        thread(1, "init", 0),
        thread(10, "sshd", 1),
        thread(11, "sshd-session", 10),
        thread(12, "sshd-session", 11),
        thread(13, "sh", 12),
        thread(20, "python3", 1),
    ]
    assert threads.passing(found) == {11, 12, 13}


def test_kernel_threads_are_counted_without_pools() -> None:
    found = [thread(2, "kthreadd", 0, PF_KTHREAD), thread(3, "kworker/0:1", 2, PF_KTHREAD)]
    assert threads.count_kernel([*found, thread(4, "sh", 1)]) == {"kthreadd": 1}


def test_kcore_reads_by_virtual_address(tmp_path: Path) -> None:
    # One segment of 16 bytes: at 0xffffffff81000000 in memory, at 256 in the file.
    segment = [1, 0, 256, 0xFFFFFFFF81000000, 0, 16, 16, 0]
    head = bytearray(64)
    head[32:40] = (64).to_bytes(8, "little")
    head[56:58] = (1).to_bytes(2, "little")
    sizes = (4, 4, 8, 8, 8, 8, 8, 8)
    table = b"".join(v.to_bytes(n, "little") for v, n in zip(segment, sizes, strict=True))
    path = tmp_path / "kcore"
    path.write_bytes((bytes(head) + table).ljust(256, b"\0") + (7).to_bytes(8, "little") * 2)
    kcore = Kcore(str(path))
    assert kcore.read(0xFFFFFFFF81000008, 4) == 7
    with pytest.raises(ValueError, match="no memory at 0x1000"):
        kcore.read(0x1000, 4)
    kcore.close()


def test_a_refused_hibernation_is_told_by_its_errno(tmp_path: Path) -> None:
    (tmp_path / "disk").write_text("platform")
    assert hibernator.hibernate("shutdown", tmp_path).startswith("2 ENOENT No such file")
    (tmp_path / "state").write_text("")
    assert hibernator.hibernate("shutdown", tmp_path) == "0 OK success"
    assert (tmp_path / "disk").read_text() == "shutdown"


# As Debian's kernels of bookworm and trixie print it, with the level that syslog(2) gives.
WATCHDOG = "[   61.0] clocksource: timekeeping watchdog on CPU1:"
LIMIT = "delay of 604820ns vs. limit of 125000ns, wd-wd read-back delay only 9000ns"
DELAYED = [
    f"{WATCHDOG} tsc read-back delay of 604820ns, attempt 4, marking unstable",
    f"{WATCHDOG} wd-tsc-wd excessive read-back {LIMIT}, attempt 2, marking tsc unstable",
]
ITS_OWN_FAULT = f"{WATCHDOG} Marking clocksource 'tsc' as unstable because the skew is too large:"
STAYS = f"{WATCHDOG} hpet wd-wd read-back delay of 300000ns"


@pytest.mark.parametrize("line", DELAYED)
def test_a_clock_source_that_was_given_up_for_a_delay(line: str) -> None:
    assert clocks.delayed(f"<6>[    0.0] Linux version 6.12\n<4>{line}\n<6>[   62.0] PM: done")


@pytest.mark.parametrize("line", [ITS_OWN_FAULT, STAYS])
def test_a_clock_source_that_was_given_up_for_itself_or_not_at_all(line: str) -> None:
    assert not clocks.delayed(f"<4>{line}")


@pytest.mark.parametrize("line", DELAYED)
def test_a_process_does_not_speak_for_the_kernel(line: str) -> None:
    assert not clocks.delayed(f"<12>{line}")
