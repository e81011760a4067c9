"""A transient snapshot above each filesystem: what is written after the kernel's snapshot goes
to a scratch device, and is forgotten at the next boot.

The mounted device keeps its name and number; its table is exchanged. Its old table moves to a
hidden device, ``NAME-hiborigin``, which from then on is only read::

    before   NAME: linear ...
    after    NAME: snapshot NAME-hiborigin NAME-hibscratch PO 8
             NAME-hiborigin: linear ...                 NAME-hibscratch: a part of the scratch

The exception store is the persistent one ("PO"), which begins empty each time, and not the
transient one ("N"), because only the former can be merged: "Snapshot exception store does not
support snapshot-merge" (drivers/md/dm-snap.c, snapshot_ctr(), 6.1 to 7.3). Without that, what
was written between the snapshot and a save that failed would be lost. It is as transient: nobody
looks at the store at the next boot. O: when it is full, writes fail, but what it holds stays.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hibtest.agent.errors import AgentError, from_os
from hibtest.agent.protect import filesystems
from hibtest.agent.protect.filesystems import Mounted, mapped_name
from hibtest.agent.protect.fsfreeze import FsFreeze
from hibtest.agent.protect.restore import restore
from hibtest.agent.protect.scratch import Scratch
from hibtest.linux.devices import number
from hibtest.linux.dm import CONTROL, Control, Target

if TYPE_CHECKING:
    from hibtest.agent.guardian.journal import Notes
    from hibtest.agent.protect.base import Settings

KIND = "dm-snapshot"  # of its entries in the journal
# Targets of which a second copy beside the first does no harm while only one is written to.
STACKABLE = frozenset({"linear", "striped", "crypt", "delay", "flakey", "thin"})
_ORIGIN, _SCRATCH = "-hiborigin", "-hibscratch"
_LONGEST = 127 - len(_SCRATCH)  # DM_NAME_LEN
# No freeze_fs operation, so pages may still be written after the snapshot was put above them.
_UNFREEZABLE = frozenset({"vfat", "msdos", "exfat", "ntfs3", "fuseblk"})


class Device(NamedTuple):
    """A device that gets a snapshot above it."""

    name: str
    where: str
    table: list[Target]
    part: Target


class DmSnapshot:
    """Puts a snapshot above the device of each filesystem."""

    def __init__(self, mounts: list[Mounted], settings: Settings) -> None:
        """Look whether it can be done, and open all that it needs.

        :raise AgentError: When it cannot.
        """
        self._chunk = settings.chunk
        self._scratch = Scratch(settings.scratch)
        try:
            self._control = _open_control()
        except AgentError:
            self._scratch.close()
            raise
        try:
            self.devices = self._devices(mounts)
            self._freezer = FsFreeze(mounts)
        except AgentError:
            self._control.close()
            self._scratch.close()
            raise

    def _devices(self, mounts: list[Mounted]) -> list[Device]:
        if not (self._control.has_target("snapshot") and self._control.has_target("linear")):
            raise AgentError("the kernel has no dm-snapshot", "modprobe dm-snapshot")
        parts = self._scratch.slices(max(1, len(mounts)), self._chunk)
        names = self._control.names()
        devices = []
        for mount, part in zip(mounts, parts):  # noqa: B905 - strict= is of 3.10
            name = _name(mount)
            for suffix in (_ORIGIN, _SCRATCH):
                if name + suffix in names:
                    raise AgentError(
                        f"there is a device {name}{suffix} already",
                        f"left by an earlier save: dmsetup remove {name}{suffix}",
                    )
            devices.append(Device(name, mount.where, _table(self._control, name, mount), part))
        return devices

    def apply(self, journal: Notes) -> dict[str, Any]:
        """Freeze the filesystems and put a snapshot, still empty, above each of their devices."""
        facts = self._freezer.apply(journal)
        for device in self.devices:
            journal.add(KIND, name=device.name, table=[list(target) for target in device.table])
            try:
                self._snapshot(device)
            except OSError as error:
                raise AgentError(
                    f"no snapshot could be put above {device.name} ({device.where}): "
                    f"{error.strerror}",
                    "dmesg says why",
                ) from error
        return {**facts, "snapshots": [device.name for device in self.devices]}

    def _snapshot(self, device: Device) -> None:
        control, name = self._control, device.name
        self._scratch.clear(device.part, self._chunk)
        store = number(control.create(name + _SCRATCH, [device.part]))
        origin = number(control.create(name + _ORIGIN, device.table))
        control.swap(name, [snapshot("snapshot", device.table, origin, store, self._chunk)])

    def release(self) -> dict[str, Any]:
        """Thaw the filesystems: what is written to them goes to the scratch device."""
        return {"thawed": self._freezer.thaw()}

    def close(self) -> None:
        """Close what is open; nothing is undone."""
        self._freezer.close()
        self._control.close()
        self._scratch.close()


def prepare(settings: Settings) -> DmSnapshot:
    """Return a protection by snapshots above all filesystems that could be written to."""
    return DmSnapshot(filesystems.writable(), settings)


def undo(args: dict[str, Any]) -> None:
    """Give a device its own table again; what was written meanwhile is kept.

    :raise AgentError: When that cannot be done.
    """
    table = [Target(*target) for target in args["table"]]
    with _open_control() as control:
        found = restore(control, args["name"], table)
    tell = {"say": "snapshot taken away", "device": args["name"], "found": found}
    Path("/dev/kmsg").write_text(f"<5>agent: {json.dumps(tell)}\n", encoding="utf-8")


def _open_control() -> Control:
    try:
        return Control()
    except OSError as error:
        raise from_os(CONTROL, error, "modprobe dm-mod, and be root") from error


def snapshot(kind: str, table: list[Target], origin: str, store: str, chunk: int) -> Target:
    """Return the table line of a snapshot above a device of that table."""
    length = table[-1].start + table[-1].length
    return Target(0, length, kind, f"{origin} {store} PO {chunk}")


def _name(mount: Mounted) -> str:
    name = mapped_name(mount.device)
    remedy = "remount it read-only, unmount it, or use --protect fsfreeze"
    if not name:
        raise AgentError(
            f"{mount.where} ({mount.kind}) lies on {mount.source}, which is no device of device "
            "mapper: no snapshot can be put above it",
            remedy,
        )
    if mount.kind in _UNFREEZABLE:
        raise AgentError(f"{mount.where}: {mount.kind} cannot be frozen", remedy)
    if mount.kind == "btrfs":
        raise AgentError(
            f"{mount.where} is btrfs, which may lie on more devices than it names", remedy
        )
    if len(name) > _LONGEST:
        raise AgentError(f"the name {name} is longer than {_LONGEST} letters", "dmsetup rename")
    return name


def _table(control: Control, name: str, mount: Mounted) -> list[Target]:
    table = control.table(name)
    kinds = {target.kind for target in table} - STACKABLE
    if kinds:
        raise AgentError(
            f"{mount.where} lies on {name}, a {', '.join(sorted(kinds))} device, of which there "
            "cannot be two",
            f"known to work: {', '.join(sorted(STACKABLE))}; or use --protect fsfreeze",
        )
    if any(_has_hidden_key(target) for target in table):
        raise AgentError(
            f"{mount.where} lies on {name}, whose key is in a keyring of the kernel: there it is "
            "found for one table only",
            f"cryptsetup open --disable-keyring ... {name}; or use --protect fsfreeze",
        )
    return table


def _has_hidden_key(target: Target) -> bool:
    """Tell whether a table of dm-crypt names its key instead of having it.

    ``CIPHER :SIZE:TYPE:DESCRIPTION ...``, drivers/md/dm-crypt.c, crypt_set_keyring_key(), 6.1 to
    7.3. cryptsetup does so for LUKS2; its keyring ends with it, and another table gets ENOKEY.
    """
    return target.kind == "crypt" and target.params.split()[1].startswith(":")
