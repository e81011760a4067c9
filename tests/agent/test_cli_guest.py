"""The agent's commands that change nothing, in a guest."""

import json

import pytest

from hibtest.cycle import agent
from hibtest.deadline import Deadline
from hibtest.reach.shell import Shell
from hibtest.spec import IMAGE_DEVICE

pytestmark = pytest.mark.guest


def soon() -> Deadline:
    return Deadline.after(120, "the agent's answer")


def run(shell: Shell, words: str, *, status: int = 0) -> str:
    done = shell.run(f"python3 -IB {agent.PATH} {words} 2>&1; echo $?", soon())
    said, _, code = done.stdout.rstrip().rpartition("\n")
    assert int(code) == status, done.stdout
    return said


def test_a_dry_run_says_what_a_save_would_do(shell: Shell) -> None:
    options = f"--target raw:{IMAGE_DEVICE} --stopper sigstop --compress zstd"
    plan = json.loads(run(shell, f"dry-run {options}"))
    assert (plan["target"], plan["stopper"], plan["compress"]) == ("raw", "sigstop", "zstd")
    assert plan["processes"] > 3
    assert plan["expected_pages"] > 5000
    assert plan["needed"] == []
    assert shell.run("cat /proc/loadavg", soon()).stdout  # nobody was stopped


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ("--target raw:/dev/none", "/dev/none: ENOENT"),
        ("--target raw", "no target"),
        ("--target server:10.0.2.2:1", "needs --keys"),
        (f"--target raw:{IMAGE_DEVICE} --protect dm-snapshot", "device"),
        ("--target swap:/dev/null", "no swap in use"),
    ],
)
def test_what_would_be_refused_is_refused(shell: Shell, options: str, why: str) -> None:
    said = run(shell, f"dry-run {options}", status=1)
    assert why in said
    assert "Traceback" not in said


def test_a_loop_device_is_no_target(shell: Shell) -> None:
    shell.run(
        "modprobe loop && truncate -s 64M /root/disk && losetup /dev/loop0 /root/disk", soon()
    )
    try:
        said = run(shell, "dry-run --target raw:/dev/loop0", status=1)
    finally:
        shell.run("losetup -d /dev/loop0 && rm /root/disk", soon())
    assert "/dev/loop0 cannot keep an image: its worker stands still after the snapshot" in said


def test_a_swap_in_memory_is_passed_over(shell: Shell) -> None:
    disk = json.loads(run(shell, "dry-run"))["where"]
    shell.run(
        "modprobe zram && echo 64M >/sys/block/zram0/disksize && mkswap /dev/zram0 && "
        f"swapon -p 100 /dev/zram0 && swapon --show | grep -q {disk}",
        soon(),
    )
    try:
        assert json.loads(run(shell, "dry-run"))["where"] == disk
        said = run(shell, "dry-run --target swap:/dev/zram0", status=1)
        assert "/dev/zram0 cannot keep an image: it is memory" in said
        shell.run(f"swapoff {disk}", soon())
        try:
            assert "/dev/zram0 cannot keep an image" in run(shell, "dry-run", status=1)
        finally:
            shell.run(f"swapon {disk}", soon())
    finally:
        shell.run("swapoff /dev/zram0; modprobe -r zram", soon())


def test_the_status_of_a_target(shell: Shell) -> None:
    assert json.loads(run(shell, "status"))["state"] == "none"
    assert json.loads(run(shell, f"status --target raw:{IMAGE_DEVICE}"))["state"] == "none"


def test_a_resume_without_an_image_says_so(shell: Shell) -> None:
    assert "no image" in run(shell, f"resume --target raw:{IMAGE_DEVICE}", status=3)


def test_needed_is_told_in_words_and_as_a_graph(shell: Shell) -> None:
    assert "nobody need be continued" in run(shell, "needed")
    assert run(shell, "needed --dot").startswith("digraph needed {")
    assert json.loads(run(shell, "needed --json"))["needed"] == []


DISK = IMAGE_DEVICE
WITH_FILE = f"""mke2fs -qF -t ext4 {DISK} && mkdir -p /run/mnt && mount {DISK} /run/mnt &&
echo precious > /run/mnt/file && umount /run/mnt"""
LOOK = f"mount {DISK} /run/mnt && cat /run/mnt/file; umount /run/mnt"


def test_a_filesystem_is_not_written_over(shell: Shell) -> None:
    shell.run(WITH_FILE, soon())
    try:
        for command in ("dry-run", "save --fail-at stop"):
            said = run(shell, f"{command} --target raw:{DISK}", status=1)
            assert "holds an ext2, ext3 or ext4 file system" in said
            assert "--overwrite" in said
        assert shell.run(LOOK, soon()).stdout == "precious\n"
        for step in ("stop", "freeze", "snapshot", "write"):
            options = f"--overwrite --target raw:{DISK} --fail-at {step}"
            said = run(shell, f"save {options}", status=1)
            assert '"undone": true' in said
            assert shell.run(LOOK, soon()).stdout == "precious\n", step
    finally:
        shell.run(f"dd if=/dev/zero of={DISK} bs=1M count=2 conv=fsync", soon())


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("--fail-at comit", "'comit' is none of STEP"),
        ("--fail-at stop:kil", "is none of STEP"),
        ("--fail-at stop:guardian=²", "is none of STEP"),
        ("--fail-at stop:oom=0", "is none of STEP"),
        ("--patience nan", "no number of seconds"),
        ("--image-size -1", "no number of bytes"),
        ("--buffer-pages 5", "16 at least"),
    ],
)
def test_a_word_that_means_nothing_is_refused_before_anything_is_done(
    shell: Shell, words: str, why: str
) -> None:
    assert why in run(shell, f"save --target raw:{DISK} {words}", status=2)
