"""Files that are soiled, servers that hang up, and memory that is swapped out."""

import json
import os
import socket
import struct
from pathlib import Path

import pytest

from hibtest.probe import pages, procfs
from hibtest.probe.base import Lacking, ProbeError
from hibtest.probe.detached import child
from hibtest.probe.witnesses import memory
from hibtest.probe.workloads import disks, hoarder, nbd_server, swapper, table
from hibtest.verdict.witnesses import differences

SERVER = {"pid": 7, "starttime": 9}


@pytest.fixture
def soiled(tmp_path: Path) -> Path:
    path = tmp_path / "point" / "file"
    path.parent.mkdir()
    os.close(disks.soil(path))
    return path


def test_a_file_that_is_whole_stays_so(soiled: Path) -> None:
    planted = {**disks.read(soiled), "server": SERVER}
    assert planted["bytes"] == disks.PAGES * pages.SIZE
    for _ in range(2):
        found = disks.found(soiled, SERVER)
        assert (found["below"], found["writes"]) == (disks.read(soiled), True)
        assert differences("workload fuse-dirty", planted, found) == ()


def test_a_file_that_changed_is_found(soiled: Path) -> None:
    planted = {**disks.read(soiled), "server": SERVER}
    with soiled.open("r+b") as file:
        file.write(b"\xff")
    assert len(differences("workload fuse-dirty", planted, disks.found(soiled, SERVER))) > 0


def test_what_does_not_come_back_was_not_written(
    soiled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "pread", lambda _fd, size, _at: bytes(size))
    assert disks.writes(soiled) is False


def test_a_program_that_fails_is_told_by_its_last_line() -> None:
    assert disks.run("echo", " two  words ") == "two  words"
    with pytest.raises(ProbeError, match=r"sh -c .*: status 3 worse$") as failed:
        disks.run("sh", "-c", "echo bad >&2; echo worse >&2; exit 3")
    assert failed.value.kind == "program"
    with pytest.raises(ProbeError, match=r"status 1 $"):
        disks.run("false")


@pytest.mark.parametrize("error", [FileNotFoundError(2, "modprobe"), ProbeError("program", "no")])
def test_a_module_that_cannot_be_loaded_is_lacking(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: str) -> str:
        raise error

    monkeypatch.setattr(disks, "run", fail)
    monkeypatch.setattr(disks, "SYS_MODULE", Path("/none"))
    with pytest.raises(Lacking, match="no driver nbd: ") as caught:
        disks.load("nbd", "BLK_DEV_NBD")
    assert caught.value.option == "BLK_DEV_NBD"


def test_a_driver_that_is_built_in_is_not_looked_for_among_modules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A guest without modules has not the file by which modprobe knows it."""

    def fail(*_: str) -> str:
        raise FileNotFoundError(2, "modprobe")

    monkeypatch.setattr(disks, "run", fail)
    monkeypatch.setattr(disks, "SYS_MODULE", tmp_path)
    (tmp_path / "fuse").mkdir()
    disks.load("fuse", "FUSE_FS")
    with pytest.raises(Lacking):
        disks.load("loop", "BLK_DEV_LOOP")


def test_a_sparse_file_is_as_long_as_was_asked(tmp_path: Path) -> None:
    path = disks.sparse(tmp_path / "disk", 64 * disks.MIB)
    assert (path.stat().st_size, path.stat().st_blocks) == (64 * disks.MIB, 0)


def test_a_workload_is_set_up_once_in_a_life(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = run / "workload" / "fuse-dirty" / "file"
    path.parent.mkdir(parents=True)
    os.close(disks.soil(path))
    facts = {**disks.read(path), "server": procfs.identity(os.getpid())}
    monkeypatch.setitem(table.PLANT, "fuse-dirty", lambda: facts)
    with pytest.raises(ProbeError, match="fuse-dirty was not set up"):
        table.check("fuse-dirty")
    assert table.plant("fuse-dirty") == {"workload": "fuse-dirty", **facts}
    with pytest.raises(ProbeError, match="fuse-dirty is set up already"):
        table.plant("fuse-dirty")
    found = table.check("fuse-dirty")
    assert differences("workload fuse-dirty", facts, found) == ()
    note = run / "workload-fuse-dirty.json"
    note.write_text(json.dumps({**facts, "server": {"pid": os.getpid(), "starttime": 1}}))
    assert table.check("fuse-dirty")["server"] == facts["server"]  # as it is, not as it was


@pytest.mark.parametrize(
    ("name", "where"), [("nbd-ioctl", "nbd"), ("nbd-netlink", "nbd"), ("fuse-dirty", "fuse-dirty")]
)
def test_where_a_workload_writes(run: Path, name: str, where: str) -> None:
    assert table.where(name) == run / "workload" / where / "file"


def test_memory_of_a_swapper_is_read_when_it_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: None
) -> None:
    monkeypatch.setattr(swapper, "SOCKET", tmp_path / "swapper.sock")
    counts = iter([256, 200, 256])
    monkeypatch.setattr(memory, "swapped_pages", lambda *_: next(counts))
    child(lambda: swapper.serve("/dev/loop0"))
    assert procfs.wait_for(swapper.SOCKET.exists, 60)
    planted, found = swapper.ask("planted"), swapper.look()
    assert (planted["swapped"], found["swapped"]) == (256, 200)
    assert planted["crc"] == found["crc"] != 0
    assert {**planted, "swapped": 0} == {**found, "swapped": 0}
    assert swapper.look()["swapped"] == 256


def test_a_hoard_is_whole_as_long_as_it_is_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: None
) -> None:
    monkeypatch.setattr(hoarder, "NOTE", tmp_path / "hoarder")
    monkeypatch.setattr(os, "sysconf", lambda _: int(600 / hoarder.SHARE))
    pid = child(lambda: hoarder.keep(locked=False))
    assert procfs.wait_for(hoarder.NOTE.exists, 60)
    fd = int(hoarder.NOTE.read_text().split()[1])
    planted = hoarder.look({"server": {"pid": pid}, "fd": fd})
    assert planted["bytes"] == 2 * hoarder.STEP * pages.SIZE  # whole steps alone
    with Path(f"/proc/{pid}/fd/{fd}").open("r+b", buffering=0) as file:
        file.seek(planted["bytes"] - 1)
        file.write(b"\xfe")
    found = hoarder.look(planted)
    assert found["crc"] != planted["crc"]
    assert {**found, "crc": 0} == {**planted, "crc": 0}


@pytest.fixture
def nbd(tmp_path: Path, ending: None) -> socket.socket:
    """A client of a server whose disk is 8 bytes of a file."""
    path = tmp_path / "disk"
    path.write_bytes(b"abcdefgh")
    ours, its = socket.socketpair()
    ours.settimeout(60)

    def serve() -> None:
        ours.close()
        nbd_server.transmit(its, os.open(path, os.O_RDWR))

    child(serve)
    its.close()
    return ours


def request(kind: int, offset: int, length: int, magic: int = nbd_server.REQUEST_MAGIC) -> bytes:
    return nbd_server.REQUEST.pack(magic, 0, kind, 5, offset, length)


def test_nbd_reads_zeroes_behind_the_end(nbd: socket.socket) -> None:
    with nbd:
        nbd.sendall(request(nbd_server.READ, 6, 5))
        assert nbd_server.receive(nbd, 16 + 5)[16:] == b"gh\0\0\0"


@pytest.mark.parametrize("last", [request(nbd_server.DISCONNECT, 0, 0),
                                  request(nbd_server.READ, 0, 1, magic=1)])  # fmt: skip
def test_nbd_ends_when_it_is_told_or_told_nonsense(nbd: socket.socket, last: bytes) -> None:
    with nbd:
        nbd.sendall(last)
        with pytest.raises(ConnectionError, match="hung up"):
            nbd_server.receive(nbd, 1)


def test_nbd_goes_on_with_the_next_client(tmp_path: Path, ending: None) -> None:
    disk = os.open(tmp_path / "disk", os.O_RDWR | os.O_CREAT)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        child(lambda: nbd_server.serve(listener, disk, 4096))
        for flags in (b"", struct.pack(">I", 0)):  # the first hangs up in the middle
            with socket.create_connection(listener.getsockname(), timeout=60) as link:
                assert nbd_server.receive(link, 18)[:8] == nbd_server.GREETING
                link.sendall(flags)
                if flags:
                    link.sendall(nbd_server.OPTION_MAGIC + struct.pack(">II", 1, 0))
                    size, _, zeroes = struct.unpack(">QH124s", nbd_server.receive(link, 134))
                    assert (size, zeroes) == (4096, bytes(124))  # it knows no NO_ZEROES
            with socket.create_connection(listener.getsockname(), timeout=60) as link:
                nbd_server.receive(link, 18)
                link.sendall(struct.pack(">I", 3) + nbd_server.OPTION_MAGIC)
                link.sendall(struct.pack(">II", nbd_server.ABORT, 0))
                _, option, kind, _ = struct.unpack(">QIII", nbd_server.receive(link, 20))
                assert (option, kind) == (nbd_server.ABORT, nbd_server.ACK)
    os.close(disk)
