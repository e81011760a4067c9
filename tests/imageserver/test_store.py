"""The image's file: there whole, or not at all."""

import errno
import os
from pathlib import Path

import pytest

from hibtest.errors import HostError
from hibtest.imageserver.frames import Refusal
from hibtest.imageserver.store import Store, open_store
from tests.imageserver.images import Made, made


def put(store: Store, image: Made) -> None:
    with store.upload(0) as upload:
        upload.write(memoryview(image.stream))
        upload.commit(image.record)


def test_image_comes_back_as_it_was(tmp_path: Path) -> None:
    image = made()
    with open_store(tmp_path / "there" / "image.hib") as store:
        put(store, image)
        with store.image() as found:
            assert (found.record, found.stream.read()) == (image.record, image.stream)
            assert found.size == len(image.stream)


def test_file_is_the_record_and_the_stream_for_its_owner_alone(tmp_path: Path) -> None:
    image, path = made(), tmp_path / "image.hib"
    with open_store(path) as store:
        put(store, image)
    assert path.read_bytes() == image.record + image.stream
    assert path.stat().st_mode & 0o777 == 0o600


def test_upload_without_commit_leaves_nothing(tmp_path: Path) -> None:
    with open_store(tmp_path / "image.hib") as store:
        with store.upload(0) as upload:
            upload.write(memoryview(made().stream))
            assert (tmp_path / "image.hib.part").exists()
        with pytest.raises(Refusal, match="there is no image"), store.image():
            pass
    assert [path.name for path in tmp_path.iterdir()] == ["image.hib.lock"]


def test_write_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with open_store(tmp_path / "image.hib") as store:
        with pytest.raises(OSError, match="No space left"):
            put(store, made())
        with pytest.raises(Refusal, match="there is no image"), store.image():
            pass


def test_image_is_consumed_once(tmp_path: Path) -> None:
    image, path = made(), tmp_path / "image.hib"
    with open_store(path) as store:
        put(store, image)
        store.consume(image.record)
        with pytest.raises(Refusal, match="consumed"):
            store.consume(image.record)
        with pytest.raises(Refusal, match="cannot be resumed again"), store.image():
            pass
    assert path.read_bytes() == b"HIBUSED1" + image.record[8:] + image.stream


def test_another_image_is_not_consumed(tmp_path: Path) -> None:
    image = made(seed=2)
    with open_store(tmp_path / "image.hib") as store:
        put(store, image)
        with pytest.raises(Refusal, match="replaced"):
            store.consume(made(seed=1).record)
        with store.image() as found:
            assert found.record == image.record


def test_image_of_a_machine_that_lives_is_retired(tmp_path: Path) -> None:
    with open_store(tmp_path / "image.hib") as store:
        assert not store.retire()
        put(store, made())
        assert store.retire()
        assert not store.retire()
        with pytest.raises(Refusal, match="consumed"), store.image():
            pass


@pytest.mark.parametrize("size", [0, 11, 4095, 4096, 4097, 500_000])
def test_image_cut_off_on_the_disk_is_refused(tmp_path: Path, size: int) -> None:
    path = tmp_path / "image.hib"
    with open_store(path) as store:
        put(store, made())
        os.truncate(path, size)
        with pytest.raises(Refusal), store.image():
            pass


def test_one_upload_at_a_time(tmp_path: Path) -> None:
    with open_store(tmp_path / "image.hib") as store:
        with (
            store.upload(0),
            pytest.raises(Refusal, match="another image is being received"),
            store.upload(0),
        ):
            pass
        put(store, made())


def test_no_room_is_told_beforehand(tmp_path: Path) -> None:
    with (
        open_store(tmp_path / "image.hib") as store,
        pytest.raises(Refusal, match=r"room for \d+ MiB, the image may need 1099511627776 MiB"),
        store.upload(1 << 60),
    ):
        pass


def test_a_place_has_one_server(tmp_path: Path) -> None:
    path = tmp_path / "image.hib"
    with open_store(path), pytest.raises(HostError, match="another server"), open_store(path):
        pass


def test_place_that_is_no_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(HostError, match="file"), open_store(tmp_path / "file" / "image.hib"):
        pass


def test_what_a_killed_server_left_goes_at_the_start(tmp_path: Path) -> None:
    part = tmp_path / "image.hib.part"
    part.write_bytes(b"some of a memory")
    with open_store(tmp_path / "image.hib"):
        assert not part.exists()
        part.write_bytes(b"of the one that runs")
        with pytest.raises(HostError), open_store(tmp_path / "image.hib"):
            pass
        assert part.exists()


@pytest.mark.parametrize("content", [b"\x7fELF", b"HIBIMG0", b"letters to my mother"])
def test_what_is_no_image_is_not_written_over(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "thesis.pdf"
    path.write_bytes(content)
    with pytest.raises(HostError, match="holds something that is no image"), open_store(path):
        pass
    assert path.read_bytes() == content
    with open_store(path, overwrite=True) as store:
        put(store, made())
    with open_store(path) as store, store.image() as found:
        assert found.record == made().record


@pytest.mark.parametrize("kind", ["fifo", "directory", "link", "/dev/null"])
def test_a_place_that_is_no_file_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "store"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "directory":
        path.mkdir()
    else:
        path.symlink_to(tmp_path / kind)
    with pytest.raises(HostError, match="is no file"), open_store(path, overwrite=True):
        pass
