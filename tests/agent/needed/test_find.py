"""The search: in trees recorded in guests, in trees of things guests lack, and here."""

import os
from pathlib import Path

import pytest

from hibtest.agent.needed import Need, find, needed, served_swaps
from hibtest.agent.needed.asked import Asked
from tests.agent.needed.trees import Machine, recorded

NOTHING = Asked()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def pids(machine: Machine, asked: Asked = NOTHING) -> list[int]:
    return [need.pid for need in needed(find(str(machine.root), asked))]


def names(needs: tuple[Need, ...]) -> list[str]:
    return [need.comm for need in needs]


def test_disks_alone_need_nobody(machine: Machine) -> None:
    machine.process(5, "sshd", {"3": "socket:[7]"})
    assert pids(machine) == []


@pytest.mark.parametrize("release", ["6.1", "7.3"])
def test_recorded_guest(release: str, tmp_path: Path) -> None:
    """Servers of a loop device, of a swap and of nbd; bindfs on a read-only mount is no server.

    Only a kernel before 6.16 must take bindfs along: it does not say whom bindfs serves.
    """
    asked = recorded(release, tmp_path)
    graph = find(str(tmp_path), asked)
    needs = needed(graph)
    silent = release == "6.1"
    assert names(needs) == ["python3"] * 3 + ["bindfs"] * silent
    assert bool(graph.notes) is silent
    whys = " ".join(need.why for need in needs)
    assert "swap /dev/loop1" in map(str, graph.roots)
    assert "the other end of a socket of the kernel, TCP port 969" in whys


def test_fuse_connection_is_told_from_others_where_the_kernel_says_it(machine: Machine) -> None:
    machine.mount("/mnt", "fuse.sshfs", "0:40")
    for pid, number in ((10, 40), (11, 41)):
        machine.process(pid, "server", {"3": "/dev/fuse"})
        machine.fdinfo(pid, "3", f"mnt_id:\t1\nfuse_connection:\t{number}")
    assert pids(machine) == [10]


def test_where_the_kernel_is_silent_all_who_may_serve_are_needed(machine: Machine) -> None:
    machine.mount("/mnt", "fuse.sshfs", "0:40")
    for pid in (10, 11):
        machine.process(pid, "server", {"3": "/dev/fuse"})
    machine.process(12, "user", {"3": "/mnt/file"})
    graph = find(str(machine.root), NOTHING)
    assert [need.pid for need in needed(graph)] == [10, 11]
    assert graph.notes


def test_fuseblk_has_the_number_of_its_device(machine: Machine) -> None:
    machine.mount("/mnt", "fuseblk", "7:0", "/dev/loop0")
    machine.block("loop0", "7:0", loop__backing_file="/disk.img")
    machine.process(10, "ntfs-3g", {"3": "/dev/fuse", "4": "/dev/loop0"})
    machine.fdinfo(10, "3", f"fuse_connection:\t{7 << 20}")
    assert pids(machine) == [10]


@pytest.mark.parametrize("zombie", [False, True])
def test_swap_on_a_loop_on_fuse(machine: Machine, zombie: bool) -> None:
    if zombie:
        machine.process(9, "gone", space="")
    machine.mount("/far", "fuse.sshfs", "0:40", options="ro")
    machine.block("loop0", "7:0", loop__backing_file="/far/a (deleted)")
    machine.swap("/dev/loop0")
    machine.process(10, "sshfs", {"3": "/dev/fuse"})
    machine.swap("/dev/sda1")
    graph = find(str(machine.root), NOTHING)
    [need] = needed(graph)
    assert need.why.startswith("swap /dev/loop0 > block loop0 [on it] > filesystem /far")
    assert served_swaps(graph) == ("/dev/loop0",)


def test_a_read_only_fuse_is_needed_only_by_who_uses_it(machine: Machine) -> None:
    number = machine.mount("/app", "fuse.squashfuse", "0:50", options="ro")
    machine.process(10, "squashfuse", {"3": "/dev/fuse"})
    machine.fdinfo(10, "3", "fuse_connection:\t50")
    assert pids(machine) == []
    machine.mount("/mnt", "fuse.x", "0:51")
    machine.process(11, "x", {"3": "/dev/fuse", "4": "/app/data"})
    machine.fdinfo(11, "3", "fuse_connection:\t51")
    machine.fdinfo(11, "4", f"mnt_id:\t{number}")
    assert pids(machine) == [10, 11]


def test_helpers_are_followed_by_pipe_by_socket_and_by_birth(machine: Machine) -> None:
    machine.mount("/mnt", "fuse.sshfs", "0:40")
    machine.process(10, "sshfs", {"3": "/dev/fuse", "4": "socket:[100]", "5": "pipe:[7]"})
    machine.process(11, "ssh", {"0": "socket:[101]"})
    machine.process(12, "logger", {"0": "pipe:[7]"})
    machine.process(13, "helper", parent=10)
    machine.process(14, "gdb")
    machine.process(15, "stranger", {"0": "pipe:[8]"})
    machine.lay("/proc/10/net/unix", "Num\n1: 2 0 0 1 3 100\n2: 2 0 0 1 3 101")
    assert pids(machine, Asked({"100": "101", "101": "100"})) == [10, 11, 12, 13]


def test_a_client_waits_for_its_server_but_not_the_other_way(machine: Machine) -> None:
    machine.mount("/mnt", "fuse.x", "0:40")
    machine.process(10, "x", {"3": "/dev/fuse", "4": "socket:[100]", "5": "socket:[200]"})
    machine.process(11, "database", {"4": "socket:[101]"})
    machine.process(12, "client-of-x", {"4": "socket:[201]"})
    table = "Num\n1: 2 0 0 1 3 100\n2: 2 0 0 1 3 101 /db\n3: 2 0 0 1 3 200 /x\n4: 2 0 0 1 3 201"
    machine.lay("/proc/10/net/unix", table)
    peers = {"100": "101", "101": "100", "200": "201", "201": "200"}
    assert pids(machine, Asked(peers)) == [10, 11]


def test_who_is_traced_needs_the_tracer(machine: Machine) -> None:
    machine.mount("/mnt", "fuse.x", "0:40")
    machine.process(10, "x", {"3": "/dev/fuse"}, tracer=14)
    machine.process(14, "gdb")
    assert pids(machine) == [10, 14]


def test_kernel_threads_are_never_needed(machine: Machine) -> None:
    machine.mount("/mnt", "fuse.x", "0:40")
    machine.process(10, "kworker", {"3": "/dev/fuse"}, flags=0x4208060 | 0x200000)
    assert pids(machine) == []


def test_nbd_by_ioctl_needs_its_client_and_the_server_it_speaks_to(machine: Machine) -> None:
    machine.mount("/mnt", "ext4", "43:0", "/dev/nbd0")
    machine.block("nbd0", "43:0", pid="10")
    machine.process(10, "nbd-client", {"3": "/dev/nbd0", "4": "socket:[100]"})
    machine.process(11, "nbd-server", {"4": "socket:[101]"})
    rows = [
        "sl local remote st",
        "0: 0100007F:2A39 00000000:0000 0A 0 0 0 0 0 99",
        "1: 0100007F:1000 0100007F:2A39 01 0 0 0 0 0 100",
        "2: 0100007F:2A39 0100007F:1000 01 0 0 0 0 0 101",
    ]
    machine.lay("/proc/10/net/tcp", "\n".join(rows))
    assert pids(machine) == [10, 11]


@pytest.mark.parametrize(
    ("files", "targets", "daemon"),
    [
        ({"dm__name": "m", "dm__uuid": "LVM-x"}, ["mirror disk 2"], "dmeventd"),
        ({"dm__name": "m", "dm__uuid": "LVM-x-tpool"}, ["thin-pool 8:1"], "dmeventd"),
        ({"dm__name": "m", "dm__uuid": "LVM-x"}, ["snapshot 8:1 8:2"], "dmeventd"),
        ({"dm__name": "m", "dm__uuid": "mpath-x"}, [], "multipathd"),
        ({"dm__name": "m", "dm__uuid": "CRYPT-x"}, ["crypt aes"], ""),
        ({"dm__name": "m", "dm__uuid": ""}, ["linear 8:1 0"], ""),
    ],
)
def test_daemons_of_device_mapper(
    machine: Machine, files: dict[str, str], targets: list[str], daemon: str
) -> None:
    machine.mount("/mnt", "ext4", "253:0", "/dev/mapper/m")
    machine.block("dm-0", "253:0", **files)
    machine.slave("dm-0", "sda")
    machine.process(10, "dmeventd")
    machine.process(11, "multipathd")
    found = needed(find(str(machine.root), Asked({}, {"m": targets})))
    assert names(found) == ([daemon] if daemon else [])


def test_md_with_external_metadata_needs_mdmon(machine: Machine) -> None:
    machine.mount("/mnt", "ext4", "9:126", "/dev/md126")
    machine.block("md126", "9:126", md__metadata_version="external:/md127/0")
    machine.process(10, "mdmon")
    assert pids(machine) == [10]


def test_ublk_needs_its_server(machine: Machine) -> None:
    machine.mount("/mnt", "ext4", "259:0", "/dev/ublkb0")
    machine.block("ublkb0", "259:0")
    machine.process(10, "ublk", {"3": "/dev/ublkc0"})
    machine.process(11, "ublk", {"3": "/dev/ublkc1"})
    assert pids(machine) == [10]


def test_network_filesystems_need_nobody(machine: Machine) -> None:
    machine.mount("/mnt", "nfs4", "0:60", "host:/export")
    graph = find(str(machine.root), NOTHING)
    assert needed(graph) == ()
    assert "host:/export" in {node.name for node in graph.nodes}


def test_mounts_of_other_namespaces_count(machine: Machine) -> None:
    machine.process(10, "box", {"3": "/fuse"}, space="mnt:[2]")
    line = "90 1 0:70 / /data\\040here rw - fuse.x x rw,user_id=0"
    machine.lay("/proc/10/mountinfo", line)
    [need] = needed(find(str(machine.root), NOTHING))
    assert "/data here (fuse.x, 0:70)" in need.why


def test_btrfs_is_on_all_its_devices(machine: Machine) -> None:
    machine.mount("/mnt", "btrfs", "0:80", "/dev/sda")
    machine.block("nbd0", "43:0", pid="10")
    machine.process(10, "nbd-client")
    machine.lay("/sys/fs/btrfs/uuid/devices", {"names": ["nbd0", "sda"]})
    assert pids(machine) == [10]


def test_running_processes_are_not_continued_but_what_they_use_is(machine: Machine) -> None:
    number = machine.mount("/app", "fuse.x", "0:50", options="ro")
    machine.process(10, "x", {"3": "/dev/fuse"})
    machine.process(20, "agent", {"4": "/app/agent.pyz", "5": "pipe:[1]"})
    machine.process(21, "terminal", {"5": "pipe:[1]"})
    machine.fdinfo(20, "4", f"mnt_id:\t{number}")
    graph = find(str(machine.root), NOTHING, running=(20,))
    assert [need.pid for need in needed(graph)] == [10]


def test_this_machine_can_be_searched() -> None:
    graph = find(running=(os.getpid(),))
    assert [node.pid for node in graph.running] == [os.getpid()]
    assert os.getpid() not in {need.pid for need in needed(graph)}
    assert {edge.above for edge in graph.edges} <= set(graph.nodes)
    assert {edge.below for edge in graph.edges} <= set(graph.nodes)
