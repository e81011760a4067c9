"""Writes docs/kernel-lines.md: where in the kernel's sources the facts of the documents stand.

python docs/tools/kernel_lines.py VERSION=TREE...   prints it, from sources of these versions
"""

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).parents[1] / "kernel-lines.md"
_HEAD = """# Where the kernel says so

The documents name functions; this is where they are, line by line, in Debian's sources of these \
versions. Written by docs/tools/kernel_lines.py from the sources; do not edit it.
"""


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that the kernel's source says.

    :ivar file: Where; ``place``: in which function or definition.
    :ivar code: A pattern that the line matches, and no line before it in the function.
    :ivar what: What it means.
    :ivar since: The first version that says so, such as ``7.3``; empty: all do.
    """

    file: str
    place: str
    code: str
    what: str
    since: str = ""


FACTS = (
    Fact("kernel/power/process.c", "freeze_processes", r"current->flags \|= PF_SUSPEND_TASK;",
         "the freezer exempts one thread, the caller"),
    Fact("kernel/power/process.c", "thaw_processes", r"WARN_ON\(\(p != curr\) && .*PF_SUSPEND_TASK",
         "a child of the exempted that lives at the thaw is warned of"),
    Fact("kernel/power/user.c", "snapshot_ioctl", r"ksys_sync_helper\(\);|pm_sleep_fs_sync\(\);",
         "SNAPSHOT_FREEZE syncs before it freezes"),
    Fact("kernel/power/snapshot.c", "hibernate_preallocate_memory",
         r"max_size = \(count - \(size \+ PAGES_FOR_IO\)\) / 2", "the most that an image may be"),
    Fact("kernel/power/power.h", "PAGES_FOR_IO", r"#define PAGES_FOR_IO",
         "4 MiB are kept for writing the image"),
    Fact("kernel/power/hibernate.c", "create_image", r"pm_sleep_disable_secondary_cpus\(\);",
         "the other CPUs are unplugged"),
    Fact("kernel/signal.c", "sig_task_ignored", r"^static bool sig_task_ignored",
         "SIGSTOP to pid 1 is discarded"),
    Fact("fs/ext4/super.c", "ext4_sync_fs", r"blkdev_issue_flush\(",
         "each sync has the device flushed"),
    Fact("fs/jbd2/journal.c", "kjournald2", r"set_freezable\(\);",
         "the journal's thread is frozen, and with it fsync()"),
    Fact("fs/fuse/inode.c", "fuse_sb_defaults", r"SB_I_NO_DATA_INTEGRITY;",
         "a sync does not wait for FUSE", since="7.3"),
    Fact("drivers/md/dm-kcopyd.c", "dm_kcopyd_client_create", r'alloc_workqueue\("kcopyd"',
         "kcopyd is not freezable"),
    Fact("drivers/md/dm-snap-persistent.c", "persistent_ctr", r'alloc_workqueue\("ksnaphd"',
         "ksnaphd is not freezable"),
    Fact("drivers/md/dm.c", "alloc_dev", r'alloc_workqueue\("kdmflush/%s"',
         "kdmflush is not freezable"),
    Fact("drivers/md/dm-snap.c", "snapshot_ctr",
         r"Snapshot exception store does not support snapshot-merge",
         "a transient store cannot be merged"),
    Fact("drivers/md/dm-snap.c", "__validate_exception_handover",
         r"Snapshot exception store does not support snapshot-merge",
         "nor after it was handed over"),
    Fact("drivers/block/loop.c", "loop_configure", r"WQ_UNBOUND \| WQ_FREEZABLE",
         "a loop device's worker is freezable"),
    Fact("block/blk-mq.c", "blk_mq_hctx_notify_offline",
         r"^static int blk_mq_hctx_notify_offline", "waits for requests when a CPU goes down"),
)  # fmt: skip


def line_of(fact: Fact, tree: Path) -> int:
    """Return the line of a fact in a tree.

    :raise LookupError: When it is not there.
    """
    lines = (tree / fact.file).read_text(errors="replace").splitlines()
    # a function begins in the first column; a call or a comment that names it does not
    begins = re.compile(rf"^(?!\s|\*|/).*\b{fact.place}\b")
    starts = [n for n, line in enumerate(lines) if begins.match(line) and line[-1] != ";"]
    for start in starts:
        for number in range(start, len(lines)):
            if re.search(fact.code, lines[number]):
                return number + 1
            if lines[number] == "}":
                break
    raise LookupError(f"{tree}/{fact.file}: {fact.place}: no line matches {fact.code}")


def rows(trees: Mapping[str, Path]) -> list[list[str]]:
    """Return a row for each fact: what, where, and its line in each version."""
    return [
        [fact.what, f"`{fact.place}`, {fact.file}", *(_cell(fact, *one) for one in trees.items())]
        for fact in FACTS
    ]


def _cell(fact: Fact, version: str, tree: Path) -> str:
    series = tuple(int(number) for number in re.findall(r"\d+", version)[:2])
    since = tuple(int(number) for number in re.findall(r"\d+", fact.since))
    return "–" if series < since else str(line_of(fact, tree))


def page(trees: Mapping[str, Path]) -> str:
    """Return the page for some versions and the trees of their sources."""
    header = ["what", "where", *trees]
    table = [header, ["---"] * len(header), *rows(trees)]
    return _HEAD + "\n" + "\n".join(f"| {' | '.join(row)} |" for row in table) + "\n"


if __name__ == "__main__":
    given = dict(word.split("=", 1) for word in sys.argv[1:])
    print(page({version: Path(tree) for version, tree in given.items()}), end="")
