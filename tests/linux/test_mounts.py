"""Lines of mountinfo, as kernels write them and as none does."""

import os
from pathlib import Path

import pytest

from hibtest.linux import mounts
from hibtest.linux.mounts import Mount

ROOT = b"27 1 253:0 / / rw,noatime - ext4 /dev/mapper/root rw,errors=remount-ro\n"
TAIL = b" - ext4 /dev/sda1 rw\n"


def test_a_mount_is_what_its_line_says() -> None:
    assert mounts.parse(ROOT) == [
        Mount(
            number=27,
            device="253:0",
            root="/",
            point="/",
            mount_options=("rw", "noatime"),
            fstype="ext4",
            source="/dev/mapper/root",
            options=("rw", "errors=remount-ro"),
        )
    ]


@pytest.mark.parametrize(
    "optional",
    ["", " shared:5", " shared:5 master:1", " shared:5 master:1 propagate_from:2", " unbindable"],
)
def test_there_may_be_any_number_of_optional_fields(optional: str) -> None:
    line = f"31 27 254:2 / /home rw{optional} - vfat /dev/vda2 rw,fmask=0022\n"
    [found] = mounts.parse(line.encode())
    assert (found.point, found.fstype, found.options) == ("/home", "vfat", ("rw", "fmask=0022"))


@pytest.mark.parametrize(
    ("written", "point"),
    [
        (rb"/a\040b", "/a b"),
        (rb"/a\011b", "/a\tb"),
        (rb"/a\012b", "/a\nb"),
        (rb"/a\134b", "/a\\b"),
        (rb"/a\134040b", r"/a\040b"),
        (rb"/a\043b", "/a#b"),
        (b"/a\xc3\xa9\xc2\xa0b", "/a\u00e9\u00a0b"),
        (b"/a\x0b\x0c\x0d\x1c\xc2\x85\xe2\x80\xa8b", "/a\v\f\r\x1c\x85\u2028b"),
        (b"/-", "/-"),
        (rb"/a\040-\040b", "/a - b"),
        (rb"/gone//deleted", "/gone//deleted"),
    ],
)
def test_a_mount_point_may_hold_anything(written: bytes, point: str) -> None:
    [first, second] = mounts.parse(b"31 27 8:1 / " + written + b" rw" + TAIL + ROOT)
    assert (first.point, second.point) == (point, "/")


def test_a_name_that_is_no_utf_8_names_the_same_file() -> None:
    [found] = mounts.parse(b"31 27 8:1 / /caf\xe9 rw" + TAIL)
    assert os.fsencode(found.point) == b"/caf\xe9"


def test_what_was_mounted_may_have_no_name_or_a_dash() -> None:
    lines = b"31 27 0:40 / /a rw - tmpfs  rw\n32 27 0:41 / /b rw - tmpfs - rw\n"
    assert [one.source for one in mounts.parse(lines)] == ["", "-"]


def test_a_part_of_a_filesystem_is_told_by_its_root() -> None:
    [found] = mounts.parse(rb"32 27 253:0 /a\040b /srv rw - ext4 /dev/sda1 rw")
    assert found.root == "/a b"


def test_a_read_only_mount_of_a_filesystem_that_can_be_written_to() -> None:
    [found] = mounts.parse(b"30 27 254:1 / /boot ro,relatime - ext4 /dev/vda1 rw\n")
    assert found.writable
    assert "ro" in found.mount_options


@pytest.mark.parametrize(
    ("fstype", "fuse"),
    [("fuse", True), ("fuseblk", True), ("fuse.sshfs", True), ("fusectl", False)],
)
def test_what_a_process_serves_by_fuse(fstype: str, fuse: bool) -> None:
    [found] = mounts.parse(f"30 27 0:1048 / /a rw - {fstype} x rw\n".encode())
    assert found.fuse == fuse
    assert found.connection == 1048


def test_the_mounts_of_this_process() -> None:
    found = mounts.parse(Path("/proc/self/mountinfo").read_bytes())
    assert "proc" in {one.fstype for one in found if one.point == "/proc"}


@pytest.mark.parametrize(
    "line",
    [
        b"x",
        b"27 1 253:0 / / rw ext4 /dev/sda1 rw",
        b"27 1 253:0 / / rw - ext4",
        b"a 1 8:1 / / rw" + TAIL,
    ],
)
def test_what_is_no_such_line_is_shown(line: bytes) -> None:
    with pytest.raises(ValueError, match="no line of mountinfo") as caught:
        mounts.parse(ROOT + line + b"\n")
    assert line.decode().strip() in str(caught.value)
