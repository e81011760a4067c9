"""Files that travel: whole, with their holes, or refused."""

import os
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from hibtest.cluster.pieces import LARGEST, Item, Piece, items, piece, receive
from hibtest.errors import HostError


@pytest.fixture
def sparse(tmp_path: Path) -> Path:
    """A file of 40 MiB with data at its start and behind a hole, more than a piece holds."""
    path = tmp_path / "from" / "save" / "swap.raw"
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        file.write(b"head")
        file.seek(16 << 20)
        file.write(os.urandom(LARGEST + 4096))
        file.truncate(40 << 20)
    path.chmod(0o640)
    return path


def test_a_file_arrives_as_it_was_sent(sparse: Path, tmp_path: Path) -> None:
    [item] = items(tmp_path / "from")
    receive(item, tmp_path / "to", partial(piece, sparse))
    arrived = tmp_path / "to" / "save" / "swap.raw"
    assert arrived.read_bytes() == sparse.read_bytes()
    assert arrived.stat().st_mode & 0o777 == 0o640
    assert arrived.stat().st_blocks * 512 < 10 << 20


def test_no_piece_is_larger_than_what_is_kept_in_memory(sparse: Path, tmp_path: Path) -> None:
    sizes: list[int] = []

    def ask(offset: int) -> Piece:
        one = piece(sparse, offset)
        sizes.append(len(one.data))
        return one

    receive(items(tmp_path / "from")[0], tmp_path / "to", ask)
    assert max(sizes) == LARGEST
    assert len(sizes) == 4  # the head, two pieces behind the hole, and that there is no more


def test_an_empty_file_arrives(tmp_path: Path) -> None:
    (tmp_path / "from").mkdir()
    (tmp_path / "from" / "worker.stderr").touch()
    [item] = items(tmp_path / "from")
    receive(item, tmp_path / "to", partial(piece, tmp_path / "from" / "worker.stderr"))
    assert (tmp_path / "to" / "worker.stderr").read_bytes() == b""


def test_a_link_stays_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc/passwd")
    assert items(tmp_path) == ()


def test_what_was_damaged_on_its_way_is_told(sparse: Path, tmp_path: Path) -> None:
    [item] = items(tmp_path / "from")

    def ask(offset: int) -> Piece:
        one = piece(sparse, offset)
        return replace(one, data=one.data.replace(b"head", b"tail"))

    with pytest.raises(HostError, match=r"save/swap.raw is not what was sent: SHA-256 "):
        receive(item, tmp_path / "to", ask)


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", "", "."])
def test_a_name_that_leads_elsewhere_is_refused(name: str, tmp_path: Path) -> None:
    item = Item(name=name, bytes=0, sha256="")
    with pytest.raises(HostError, match="is no name of a file in a directory"):
        receive(item, tmp_path, lambda offset: Piece(start=offset, data=b""))


@pytest.mark.parametrize("start", [7, -1])
def test_a_piece_that_lies_outside_is_refused(start: int, tmp_path: Path) -> None:
    item = Item(name="x", bytes=8, sha256="")
    with pytest.raises(HostError, match="is none of it"):
        receive(item, tmp_path, lambda _: Piece(start=start, data=b"12"))
