"""Writes at which a machine stands still: led past one, to stand still at the next.

A disk with such a place (:attr:`~hibtest.machine.shape.Disk.halts`) has QEMU's blkdebug between
itself and its file, with a rule that fails one write there once; werror=stop has QEMU stop the
machine instead of telling the guest, and repeat the write when the machine goes on
(block/blkdebug.c and hw/block/virtio-blk.c, QEMU 7.2 to 10.0).
"""

from hibtest.deadline import Deadline
from hibtest.machine.monitor import Monitor

EVENT = "BLOCK_IO_ERROR"  # qapi/block-core.json


def file_node(serial: str) -> str:
    """Return the name of the block node that is the file of a disk with such a place."""
    return f"{serial}-file"


def at_next_write(monitor: Monitor, serial: str, deadline: Deadline) -> None:
    """Have a machine that stands still at a write carry it out, and stand still at the next one.

    It goes on when somebody has it go on.

    :raise QemuError: When QEMU refuses.
    :raise DeadlineExpired: When it does not answer in time.
    """
    rules = {
        "set-state": [{"event": "write_aio", "state": 1, "new_state": 2}],
        "inject-error": [{"event": "write_aio", "state": 2, "iotype": "write"}],
    }
    name = f"{serial}-next"
    node = {"driver": "blkdebug", "node-name": name, "image": file_node(serial), **rules}
    monitor.execute("blockdev-add", node, deadline=deadline)
    front = {"driver": "raw", "node-name": serial, "file": name, "cache": {"no-flush": True}}
    monitor.execute("blockdev-reopen", {"options": [front]}, deadline=deadline)
