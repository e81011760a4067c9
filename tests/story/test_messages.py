"""Kernel log marks, on transcripts of real cycles of each kernel (tests/story/klog/).

The transcripts are serial consoles of mode ``platform`` with 2 vCPUs, from early userspace on.
"""

from pathlib import Path

import pytest

from hibtest.story import SPLAT_NAMES, recognise

KLOG = Path(__file__).with_name("klog")

_FRESH = "early resume-try resume-back ready"
_RESUMED = (
    "early resume-try resume freeze-user freeze-kernel devices load loaded vcpus enable-vcpus woke"
)
_DOWN = "begins entry freeze-user preallocate freeze-kernel devices sleep-s4 vcpus"
_OFF = "armed sleep-s4 vcpus"
_BACK = "exit returned"

# 7.3 says "Restarting tasks" twice and keeps the snapshot to itself; 6.1 says how much it wrote
# after the image is saved, the others before.
MARKS = {
    "bookworm-save": f"{_FRESH} {_DOWN} snapshot created enable-vcpus woke "
    f"write saved wrote {_OFF}",
    "trixie-save": f"{_FRESH} {_DOWN} snapshot created enable-vcpus woke write wrote saved {_OFF}",
    "backports-save": f"{_FRESH} {_DOWN} enable-vcpus woke write wrote saved {_OFF}",
    "bookworm-resume": f"{_RESUMED} thaw {_BACK} {_DOWN} snapshot created enable-vcpus woke "
    f"write saved wrote {_OFF}",
    "trixie-resume": f"{_RESUMED} thaw {_BACK} {_DOWN} snapshot created enable-vcpus woke "
    f"write wrote saved {_OFF}",
    "backports-resume": f"{_RESUMED} thaw thaw {_BACK} {_DOWN} enable-vcpus woke "
    f"write wrote saved {_OFF}",
    "bookworm-no-swap": f"{_DOWN} snapshot created enable-vcpus woke thaw {_BACK}",
    "trixie-no-swap": f"{_DOWN} snapshot created enable-vcpus woke thaw {_BACK}",
    "backports-no-swap": f"{_DOWN} enable-vcpus woke thaw thaw {_BACK}",
}


def _marks(transcript: str) -> list[str]:
    lines = (KLOG / f"{transcript}.log").read_text(errors="replace").splitlines()
    found = (recognise(line) for line in lines)
    return [hit[0].name for hit in found if hit is not None]


@pytest.mark.parametrize("transcript", sorted(MARKS))
def test_a_real_cycle_has_these_marks_in_this_order(transcript: str) -> None:
    assert _marks(transcript) == MARKS[transcript].split()


def test_every_transcript_is_looked_at() -> None:
    assert {path.stem for path in KLOG.iterdir()} == set(MARKS)


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("[    1.2] PM: Image not found (code -22)", "no-image"),
        ("[    1.2] Hibernate inconsistent memory map detected!", "memory-map"),
        ("[    1.2] PM: hibernation: Image mismatch: memory size", "mismatch"),
        ("[    1.2] PM: Invalid image CRC32!", "bad-crc"),
        ("[    1.2] PM: Invalid LZO compressed length", "bad-length"),
        ("[    1.2] PM: Invalid lz4 compressed length", "bad-length"),
        ("[    1.2] PM: lzo decompression failed", "bad-unit"),
        ("[    1.2] PM: hibernation: Failed to load image, recovering.", "load-failed"),
        ("[    1.2] PM: hibernation: resume failed (-61)", "resume-failed"),
        ("[    1.2] Freezing of tasks failed after 20.008 seconds (1 tasks", "freeze-failed"),
        ("[    1.2] Freezing user space processes failed after 20.008", "freeze-failed"),
        ("[    1.2] Kernel panic - not syncing: Attempted to kill init!", "panic"),
        ("[    1.2] BUG: kernel NULL pointer dereference, address: 0", "oops"),
        ("[    1.2] Oops: general protection fault, 0000 [#1] SMP", "oops"),
        ("[    1.2][  T12] WARNING: CPU: 1 PID: 12 at mm/page_alloc.c:1 f+0x1/0x2", "warning"),
        ("[    1.2] WARNING: kernel/power/process.c:200 at thaw_processes+0x1/0x2", "warning"),
        ("[    1.2] BUG: Bad page state in process python3  pfn:12345", "bug"),
        ("[    1.2] kernel BUG at kernel/power/snapshot.c:1203!", "bug"),
        ("[    1.2] BUG: sleeping function called from invalid context at a.c:1", "bug"),
        ("[    1.2] WARNING: possible circular locking dependency detected", "lockdep"),
        ("[    1.2] watchdog: BUG: soft lockup - CPU#1 stuck for 22s!", "lockup"),
        ("[    1.2] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:", "rcu-stall"),
        ("[    1.2] INFO: task jbd2/vda-8:99 blocked for more than 120 seconds.", "hung-task"),
        ("[    1.2] EXT4-fs error (device vda): ext4_lookup:1: inode #2", "io-error"),
        ("[    1.2] I/O error, dev vdb, sector 8 op 0x1:(WRITE)", "io-error"),
        ("[    1.2] Error taking CPU1 up: -5", "cpu-lost"),
        ("[    1.2] python3[12]: segfault at 0 ip 0 sp 0 error 4", "segfault"),
    ],
)
def test_trouble_is_recognised(line: str, name: str) -> None:
    found = recognise(line)
    assert found is not None
    assert found[0].name == name


@pytest.mark.parametrize(
    "line",
    [
        "",
        "[    1.2] Freezing user space processes completed (elapsed 0.003 seconds)",
        "[    1.2] Warning: unable to open an initial console.",
        "[    1.2] PM: hibernation: Allocated 12 pages for snapshot",
        "[    1.2] sysrq: Manual OOM execution",
    ],
)
def test_a_healthy_line_is_no_mark(line: str) -> None:
    assert recognise(line) is None


def test_splats_are_marks_too() -> None:
    assert "panic" not in SPLAT_NAMES
    assert {"warning", "hung-task", "rcu-stall"} <= SPLAT_NAMES
