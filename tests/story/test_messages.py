"""Messages of kernel, guest and agent; tests/story/test_told.py has those of real guests."""

import pytest

from hibtest.story import read
from hibtest.story.messages import PATTERNS, SPLAT_NAMES, recognise
from tests.story.fed import HARDWARE_SIGNATURE, LOCKED_DOWN, ROLLED_BACK, WORK
from tests.story.transcripts import NAMES, told

LOGS = (HARDWARE_SIGNATURE, LOCKED_DOWN, ROLLED_BACK, WORK)
# What no transcript has, or not that of each kernel; fed.py has more.
WRITTEN = (
    ("[    1.2] PM: hibernation: debug: Waiting for 5 seconds.", "rehearses"),
    ("[    1.2] PM: hibernation: hibernation debug: Waiting for 5 second(s).", "rehearses"),
    ("[    1.2] ACPI: PM: Preparing to enter system sleep state S3", "sleep-s3"),
    ("[    1.2] ACPI: PM: Waking up from system sleep state S3", "woke"),
    ("[    1.2] reboot: Restarting system", "restarts"),
    ("[    1.2] PM: Image not found (code -22)", "no-image"),
    ("[    1.2] Hibernate inconsistent memory map detected!", "memory-map"),
    ("[    1.2] PM: hibernation: Image mismatch: memory size", "mismatch"),
    ("[    1.2] PM: Invalid image CRC32!", "bad-crc"),
    ("[    1.2] PM: Invalid LZO compressed length", "bad-length"),
    ("[    1.2] PM: Invalid lz4 compressed length", "bad-length"),
    ("[    1.2] PM: Invalid lzo uncompressed length", "bad-length"),
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
    ("hibtest: failed: /dev/vda cannot be mounted", "guest-failed"),
    ("hibtest: no resume device /dev/vdz", "no-resume-device"),
    ("hibtest: swap offset 34816", "swap-offset"),
    ("hibtest: swap offset 34816 on 254:16", "swap-offset"),
    ("[    1.2] hibtest: hibernate to 254:16 offset 34816 of /swap/file", "writes-to"),
    (
        "[    1.2] hibtest: hibernate to 0:0 offset 0 of /dev/zram0=253:0 /dev/vdb=254:16",
        "writes-to",
    ),
    ("[    1.2] reboot: Power down", "power-down"),
    ("[    1.2] virtio_blk virtio1: PM: failed to freeze: error -16", "device-failed"),
    ("[    1.2] gpu 0000:01:00.0: PM: failed to restore async noirq: error -5", "device-failed"),
    ("[    1.2] lz4: PM: hibernation: lz4 compression is not available", "no-compressor"),
    ("[    1.2] PM: hibernation: Memory allocation failed", "no-memory"),
    ("[    1.2] PM: hibernation: Not enough free memory", "no-memory"),
    ("[    1.2] PM: Swap header not found!", "no-swap"),
    ("[    1.2] PM: Not enough free swap", "no-swap-space"),
    ("[    1.2] PM: lz4 compression failed", "compression"),
    ("[    1.2] PM: Write-error on swap-device (254:16:40)", "swap-error"),
    ("[    1.2] PM: Wakeup pending, aborting suspend", "wake-up"),
    ("[    1.2] PM: hibernation: Some devices failed to power down, aborting", "powered-down"),
    ("[    1.2] PM: hibernation: Error -12 creating image", "no-copy"),
)
FED = {mark.name for log in LOGS for mark in read(log).marks}


@pytest.mark.parametrize(("line", "name"), WRITTEN)
def test_a_line_is_its_mark(line: str, name: str) -> None:
    found = recognise(line)
    assert found is not None
    assert found[0].name == name


def test_every_mark_was_seen_or_is_among_these_lines() -> None:
    seen = {mark for name in NAMES for mark in told(name)["marks"]}
    assert {pattern.name for pattern in PATTERNS} - seen <= {name for _, name in WRITTEN} | FED


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


def test_only_the_first_frame_behind_a_task_says_what_it_waits_in() -> None:
    marks = read((WARNING, FRAME, TASK, SLEEPS, FRAME, FRAME)).marks
    assert [mark.name for mark in marks] == ["warning", "task", "waits"]
    assert marks[-1].line == FRAME


WARNING = "[    1.2] WARNING: CPU: 1 PID: 12 at mm/page_alloc.c:1 f+0x1/0x2"
TASK = "[    1.2] task:jbd2/vda-8      state:D stack:0     pid:99    ppid:2      flags:0x00004000"
SLEEPS = "[    1.2]  schedule_timeout+0x9e/0x160"
FRAME = "[    1.2]  submit_bio_wait+0x7d/0xc0"
