"""Root disk, toolbox and initramfs, made by the real tools of a made-up Debian tree."""

import subprocess
from pathlib import Path

import pytest

from hibtest.images import disks, initramfs, names, recipes
from hibtest.images.names import HOST_KEY, SSH_KEY
from hibtest.images.tools import Call, Programs
from tests.images.trees import make_tar


@pytest.fixture
def tar(tmp_path: Path) -> Path:
    return make_tar(tmp_path / "debian.tar")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def debugfs(disk: Path, command: str) -> str:
    return Programs().run(["debugfs", "-R", command, disk])


def listing(disk: Path) -> set[str]:
    listed = Programs().run(["unsquashfs", "-l", disk]).splitlines()
    return {line.removeprefix("squashfs-root/") for line in listed}


def test_the_root_disk_is_sound_and_belongs_to_root(tar: Path, out: Path) -> None:
    disks.build_root(Programs(), tar, out)
    disk = out / names.ROOT_DISK
    Programs().run(["e2fsck", "-fn", disk])
    shadow = debugfs(disk, "stat /etc/shadow")
    assert "Mode:  0640" in shadow
    assert "User:     0   Group:    42" in shadow
    assert "Mode:  04755" in debugfs(disk, "stat /usr/sbin/sshd")


def test_the_root_disk_has_our_init_and_keys_and_no_device_nodes(tar: Path, out: Path) -> None:
    disks.build_root(Programs(), tar, out)
    disk = out / names.ROOT_DISK
    assert debugfs(disk, "cat /etc/inittab") == recipes.render("inittab.j2")
    assert "Mode:  0755" in debugfs(disk, "stat /etc/hibtest/boot")
    assert 'Fast link dest: "/usr/bin/busybox"' in debugfs(disk, "stat /usr/sbin/init")
    authorized = debugfs(disk, "cat /root/.ssh/authorized_keys")
    assert authorized == (out / f"{names.SSH_KEY}.pub").read_text()
    private = debugfs(disk, f"stat /etc/ssh/{names.HOST_KEY}")
    assert "Mode:  0600" in private
    assert debugfs(disk, "ls -p /dev").count("/null/") == 0


def test_only_the_pinned_host_keys_public_half_leaves_the_disk(tar: Path, out: Path) -> None:
    disks.build_root(Programs(), tar, out)
    left = {path.name for path in out.iterdir()}
    public = {f"{names.SSH_KEY}.pub", f"{names.HOST_KEY}.pub"}
    assert left == {names.ROOT_DISK, names.SSH_KEY, *public}
    assert (out / names.SSH_KEY).stat().st_mode & 0o077 == 0


def test_the_toolbox_holds_python_and_what_it_needs(tar: Path, out: Path) -> None:
    facts = disks.build_toolbox(Programs(), tar, out)
    found = listing(out / names.TOOLBOX_DISK)
    assert facts["packages"] == ["base-files", "libc6", "python3"]
    assert {"usr/bin/python3", "usr/lib/python3/__pycache__/os.pyc", "lib"} <= found
    assert "usr/lib/x86_64-linux-gnu/libc.so.6" in found  # listed under its old name in /lib
    assert not found & {
        "usr/sbin/sshd",
        "etc/shadow",
        "dev/null",
        "usr/lib/other/__pycache__/x.pyc",
    }


def test_the_initramfs_has_its_programs_and_libraries(tar: Path, out: Path) -> None:
    initramfs.build_early(Programs(), tar, out)
    listed = Programs().run(["cpio", "-t", "--quiet"], Call(feed=out / initramfs.EARLY))
    assert {
        "init",
        "bin/sh",
        "sbin/modprobe",
        "lib/x86_64-linux-gnu/libkmod.so.2",
        "usr/lib/x86_64-linux-gnu/libc.so.6",
    } <= set(listed.splitlines())


def test_packing_is_the_same_each_time(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "b/c").mkdir(parents=True)
    (tree / "b/c/file").write_text("text")
    (tree / "a").symlink_to("b")
    packed = []
    for name in ("one", "two"):
        initramfs.pack(Programs(), tree, tmp_path / name)
        packed.append((tmp_path / name).read_bytes())
    assert packed[0] == packed[1]
    assert len(packed[0]) % 512 == 0


def test_two_archives_after_each_other_are_both_read(tmp_path: Path) -> None:
    parts = []
    for name in ("one", "two"):
        tree = tmp_path / name
        tree.mkdir()
        (tree / f"{name}.txt").write_text(name)
        initramfs.pack(Programs(), tree, tmp_path / f"{name}.cpio")
        parts.append(tmp_path / f"{name}.cpio")
    initramfs.join(parts, tmp_path / "both")
    # as the kernel does: after the first archive's end the next one starts
    with (tmp_path / "both").open("rb") as file:
        for name in ("one", "two"):
            done = subprocess.run(
                ["cpio", "-t", "--quiet"], stdin=file, capture_output=True, check=True
            )
            assert done.stdout.split() == [f"{name}.txt".encode()]


def test_nothing_of_the_build_host_is_in_the_root_disk(tmp_path: Path) -> None:
    tree, keys = tmp_path / "tree", tmp_path / "keys"
    keys.mkdir()
    for name in (HOST_KEY, f"{HOST_KEY}.pub", f"{SSH_KEY}.pub"):
        (keys / name).write_text("key")
    for name in (
        "etc/resolv.conf",
        "etc/hostname",
        "etc/apt/apt.conf.d/99mmdebstrap",
        "etc/apt/sources.list.d/0000x",
    ):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text("build-host")
    for name in ("root", "usr/lib", "usr/sbin"):
        (tree / name).mkdir(parents=True)
    disks._configure(tree, keys)
    assert (tree / "etc/hostname").read_text() == "guest\n"
    files = [path for path in tree.rglob("*") if path.is_file() and not path.is_symlink()]
    assert [path for path in files if "build-host" in path.read_text()] == []
