"""What is refused before anything is stopped, and what a snapshot's status means."""

from pathlib import Path

import pytest

from hibtest.agent.errors import AgentError
from hibtest.agent.protect import Settings, dmsnapshot, prepare
from hibtest.agent.protect.filesystems import Mounted
from hibtest.agent.protect.restore import Used, used
from hibtest.agent.protect.scratch import Scratch
from hibtest.linux.dm import Target


def test_an_unknown_protection() -> None:
    with pytest.raises(AgentError, match="no protection is called 'lvm'") as refused:
        prepare("lvm", Settings())
    assert "dm-snapshot" in refused.value.hint


def test_no_protection_does_nothing() -> None:
    protection = prepare("none", Settings())
    assert protection.release() == {}


@pytest.mark.parametrize("how", ["missing", "file", "none"])
def test_a_scratch_that_is_no_block_device(tmp_path: Path, how: str) -> None:
    (tmp_path / "file").write_bytes(bytes(4096))
    path = "" if how == "none" else str(tmp_path / how)
    with pytest.raises(AgentError) as refused:
        Scratch(path)
    assert refused.value.hint


def test_a_filesystem_that_is_not_on_device_mapper(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dmsnapshot, "mapped_name", lambda _: "")
    mount = Mounted("254:1", "ext4", "/boot", "/boot", "/dev/vda1")
    with pytest.raises(AgentError, match=r"/boot .* no device of device mapper") as refused:
        dmsnapshot._name(mount)
    assert "--protect fsfreeze" in refused.value.hint


@pytest.mark.parametrize("kind", ["vfat", "btrfs"])
def test_a_filesystem_that_cannot_be_had_above_a_snapshot(
    monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(dmsnapshot, "mapped_name", lambda _: "vg-boot")
    with pytest.raises(AgentError, match=kind):
        dmsnapshot._name(Mounted("253:1", kind, "/boot", "/boot", "/dev/dm-1"))


@pytest.mark.parametrize(
    ("key", "hidden"), [(":64:logon:cryptsetup:0-d0", True), ("0a" * 64, False)]
)
def test_a_key_that_is_in_a_keyring(key: str, hidden: bool) -> None:
    target = Target(0, 8, "crypt", f"aes-xts-plain64 {key} 0 254:0 32768")
    assert dmsnapshot._has_hidden_key(target) == hidden


def test_the_snapshot_covers_the_whole_table() -> None:
    table = [Target(0, 8, "linear", "254:0 0"), Target(8, 24, "linear", "254:0 800")]
    made = dmsnapshot.snapshot("snapshot", table, "253:1", "253:2", 8)
    assert made == Target(0, 32, "snapshot", "253:1 253:2 PO 8")


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        ("16/524288 16", Used(0, "")),
        ("6328/524288 40", Used(6288, "")),
        ("Overflow", Used(0, "Overflow")),
        ("Merge failed", Used(0, "Merge failed")),
    ],
)
def test_what_a_status_means(status: str, meaning: Used) -> None:
    assert used(status) == meaning
