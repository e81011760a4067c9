"""Which filesystems are to be protected, and in what order, from made-up /proc and /sys."""

from pathlib import Path

import pytest

from hibtest.agent.errors import AgentError
from hibtest.agent.protect import filesystems
from hibtest.agent.protect.filesystems import Mounted, Places

MOUNTINFO = r"""
24 27 0:22 / /proc rw,nosuid - proc proc rw
27 1 253:0 / / rw,noatime - ext4 /dev/mapper/root rw
28 27 0:24 / /run rw,nosuid - tmpfs run rw,mode=755
30 27 254:1 / /boot ro,relatime - ext4 /dev/vda1 rw
31 27 254:2 / /a\040b rw,relatime shared:5 master:1 - vfat /dev/vda2 rw,fmask=0022
32 27 253:0 /home /srv rw,noatime - ext4 /dev/mapper/root rw
35 27 254:48 / /lib/modules ro,relatime - squashfs /dev/vdd ro,errors=continue
36 27 0:50 / /net rw - nfs4 server:/x rw
37 27 0:51 / /user rw - fuse.sshfs /dev/null rw
"""
OTHER = """
90 1 254:1 / / rw - ext4 /dev/vda1 rw
91 90 254:9 / /inside rw - xfs /dev/vdz rw
"""


@pytest.fixture
def places(tmp_path: Path) -> Places:
    made = Places(proc=tmp_path / "proc", sys=tmp_path / "sys")
    for process, namespace, text in (
        ("self", "mnt:[1]", MOUNTINFO),
        ("7", "mnt:[1]", MOUNTINFO),
        ("44", "mnt:[2]", OTHER),
    ):
        directory = made.proc / process
        (directory / "ns").mkdir(parents=True)
        (directory / "ns/mnt").symlink_to(namespace)
        (directory / "mountinfo").write_text(text.lstrip())
    (made.proc / "99").mkdir()  # a process that has ended meanwhile
    (made.proc / "version").write_text("Linux\n")
    return made


def _device(places: Places, number: str) -> Path:
    path = places.sys / "dev/block" / number
    path.mkdir(parents=True)
    (path / "dev").write_text(f"{number}\n")
    return path


def test_each_that_can_be_written_to_and_lies_on_a_device_once(places: Places) -> None:
    found = filesystems.writable(places)
    assert [mount.device for mount in found] == ["254:9", "254:2", "254:1", "253:0"]
    root = found[-1]
    assert root == Mounted("253:0", "ext4", "/", "/", "/dev/mapper/root")
    assert found[1].where == "/a b"


def test_a_mount_of_another_namespace_is_found_through_its_process(places: Places) -> None:
    [other] = [mount for mount in filesystems.writable(places) if mount.device == "254:9"]
    assert other.where == "/inside"
    assert other.path == f"{places.proc}/44/root/inside"


def test_what_lies_in_a_file_of_another_is_frozen_before_that_one(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    below = _device(places, "254:1")
    backing = places.sys / "backing"
    backing.write_text("")
    (_device(places, "7:0") / "loop").mkdir()
    (places.sys / "dev/block/7:0/loop/backing_file").write_text(f"{backing}\n")
    mapped = _device(places, "253:0")
    (mapped / "slaves").mkdir()
    (mapped / "slaves/loop0").symlink_to(places.sys / "dev/block/7:0")
    monkeypatch.setattr(filesystems, "number", lambda _: "254:1")
    assert below.exists()
    # /boot was mounted after /, which lies in a file on it here
    assert next(mount.device for mount in filesystems.writable(places)) == "253:0"


def test_the_name_of_a_device_of_device_mapper(places: Places) -> None:
    (_device(places, "253:0") / "dm").mkdir()
    (places.sys / "dev/block/253:0/dm/name").write_text("vg-root\n")
    assert filesystems.mapped_name("253:0", places) == "vg-root"
    assert filesystems.mapped_name("254:1", places) == ""


def test_something_mounted_over_it_is_said(tmp_path: Path) -> None:
    mount = Mounted("254:200", "ext4", str(tmp_path), str(tmp_path), "/dev/vdx")
    with pytest.raises(AgentError, match="something is mounted over it"):
        filesystems.open_mount(mount)
