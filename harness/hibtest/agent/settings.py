"""What a save and a resume are told."""

from __future__ import annotations

from typing import NamedTuple

from hibtest.agent.target import Target

STOPPERS = ("freezer", "sigstop", "cgroup")
PROTECTIONS = ("none", "fsfreeze", "dm-snapshot")
NEEDED = ("computed", "none")
MODES = ("platform", "shutdown")
# where a save can be made to fail on purpose
STEPS = (
    *("prepare", "stop", "needed", "sync", "page-out", "freeze", "protect", "snapshot"),
    *("write", "commit", "power-off"),
)


class SaveSettings(NamedTuple):
    """How to save.

    :ivar needed: Which stopped processes go on for the sync: ``computed`` or ``none``.
    :ivar scratch: For dm-snapshot, the device that takes what is written after the snapshot.
    :ivar buffer_pages: The most memory that writing the image takes, in pages.
    :ivar image_size: Bytes that the image should not be larger than; ``None``: as it is set.
    :ivar page_out: How stopped processes are pushed out to swap before: ``madvise``,
        ``reclaim``, or not at all.
    :ivar patience: Seconds that stopping and syncing may take.
    :ivar scribble: A file that a process left running writes to after the snapshot, "" for none.
    :ivar fail_at: ``STEP`` or ``STEP:kill``: fail there, to see that all is undone.
    """

    target: Target
    mode: str = "platform"
    stopper: str = "freezer"
    needed: str = "computed"
    protect: str = "none"
    scratch: str = ""
    compress: str = "none"
    checksum: str = "blake2b"
    buffer_pages: int = 512
    image_size: int | None = None
    page_out: str = ""
    patience: float = 30.0
    scribble: str = ""
    fail_at: str = ""
