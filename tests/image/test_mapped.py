"""Devices of the device mapper as the kernel has them: what they come to, and planted damage."""

import struct
from pathlib import Path

import numpy as np
import pytest

from hibtest.errors import SpecError
from hibtest.image.crc32c import ONES, crc32c, crc32c_each
from hibtest.image.damage import Damaged
from hibtest.image.header import PAGE_SIZE
from hibtest.image.mirror import mirrored
from hibtest.image.snapshot import snapshot
from hibtest.image.striped import striped
from hibtest.image.thin import thin
from tests.image.mapped import content, devices, digest, recorded

# As the guest's sha256sum printed them.
SNAPSHOT = "a22435ad607bc387163ef2caad6f6e411dbfda6b2106be7cdb44d73d81c52da2"
THIN = "c8d457633d2c6ad86a6e506af6fc597cd299260e3867359ff1b107ec0badd7c8"
_CSUMS = {0: 160774}  # of the superblock; others: of a node
_NODE = 121107


def numbered(count: int) -> bytes:
    return np.repeat(np.arange(1, count + 1, dtype="<u8"), PAGE_SIZE // 8).tobytes()


def signed(metadata: bytearray, block: int) -> bytearray:
    """Give a block of a pool's metadata the checksum that it should have."""
    at = block * PAGE_SIZE
    xor = _CSUMS.get(block, _NODE)
    found = crc32c(ONES, bytes(metadata[at + 4 : at + PAGE_SIZE])) ^ xor
    struct.pack_into("<I", metadata, at, found)
    return metadata


def root_of(metadata: bytes | bytearray) -> int:
    return int(struct.unpack_from("<Q", metadata, 320)[0])


def test_the_checksum_is_the_one_of_rfc_3720() -> None:
    assert crc32c(ONES, b"123456789") ^ ONES == 0xE3069283
    rows = np.frombuffer(b"123456789" * 3, np.uint8).reshape(3, 9)
    assert (crc32c_each(rows) ^ np.uint32(ONES) == 0xE3069283).all()


def test_a_stripe_is_read_in_turns_and_ends_with_a_whole_row(tmp_path: Path) -> None:
    both = numbered(23)
    with devices(tmp_path, both[: 11 * PAGE_SIZE], both[11 * PAGE_SIZE :]) as found:
        device = striped(*found, chunk=2)
        assert device.count == 20
        words = np.frombuffer(content(device), "<u8")[:: PAGE_SIZE // 8].tolist()
    assert words == [1, 2, 12, 13, 3, 4, 14, 15, 5, 6, 16, 17, 7, 8, 18, 19, 9, 10, 20, 21]


def test_a_mirror_has_data_behind_its_own_and_tells_where_its_devices_differ(
    tmp_path: Path,
) -> None:
    first, second = numbered(9), bytearray(numbered(9))
    second[:3] = b"own"
    with devices(tmp_path, first, bytes(second)) as found:
        assert content(mirrored(*found, begin=2)) == first[2 * PAGE_SIZE :]
    second[5 * PAGE_SIZE + 8] ^= 1
    with devices(tmp_path, first, bytes(second)) as found, pytest.raises(Damaged) as raised:
        content(mirrored(*found, begin=2))
    assert str(raised.value) == "block 3: mirror: device 2 holds something else than the first"


def test_a_mirror_of_what_is_too_small_is_damaged(tmp_path: Path) -> None:
    with devices(tmp_path, numbered(2), numbered(2)) as found, pytest.raises(Damaged):
        mirrored(*found, begin=2)


def test_a_snapshot_is_what_the_kernel_has(tmp_path: Path) -> None:
    with devices(tmp_path, recorded("origin"), recorded("store")) as found:
        assert digest(snapshot(*found)) == SNAPSHOT


@pytest.mark.parametrize(
    ("at", "value", "error", "said"),
    [
        (0, 0, SpecError, "no persistent snapshot"),
        (4, 0, Damaged, "the kernel has given it up"),
        (8, 2, Damaged, "version 2"),
        (12, 0, Damaged, "chunks of 0 bytes"),
        (12, 3, Damaged, "chunks of 1536 bytes"),
        (12, 1 << 30, Damaged, "chunks of"),
        (8192 + 8, 1, Damaged, "at 1$"),
        (8192 + 8, 1 << 20, Damaged, "at 1048576"),
        (8192 + 16, 0, Damaged, "chunk 0 is there twice"),
    ],
)
def test_a_store_that_cannot_be_meant_is_damaged(
    at: int, value: int, error: type[Exception], said: str, tmp_path: Path
) -> None:
    store = recorded("store")
    struct.pack_into("<I", store, at, value)
    with devices(tmp_path, recorded("origin"), store) as found, pytest.raises(error, match=said):
        snapshot(*found)


def test_an_exception_outside_the_origin_is_of_no_block(tmp_path: Path) -> None:
    with devices(tmp_path, recorded("origin")[: 8 << 20], recorded("store")) as found:
        assert len(content(snapshot(*found))) == 8 << 20


def test_a_thin_device_is_what_the_kernel_has(tmp_path: Path) -> None:
    with devices(tmp_path, recorded("thin-data"), recorded("thin-metadata")) as found:
        device = thin(*found, number=0)
        assert digest(device) == THIN
        assert device.is_hole(device.count - 16, 16)
        assert not device.is_hole(0, 16)


def test_a_thin_device_that_is_not_in_its_pool_is_named(tmp_path: Path) -> None:
    both = (recorded("thin-data"), recorded("thin-metadata"))
    with devices(tmp_path, *both) as found, pytest.raises(SpecError, match="no thin device 3"):
        thin(*found, number=3)


def test_a_pool_that_is_none_is_told(tmp_path: Path) -> None:
    both = (recorded("thin-data"), bytes(PAGE_SIZE))
    with devices(tmp_path, *both) as found, pytest.raises(SpecError, match="no thin pool"):
        thin(*found, number=0)


def test_metadata_without_their_checksum_are_damaged(tmp_path: Path) -> None:
    for block in (0, root_of(recorded("thin-metadata"))):
        metadata = recorded("thin-metadata")
        metadata[block * PAGE_SIZE + 100] ^= 4
        with (
            devices(tmp_path, recorded("thin-data"), metadata) as found,
            pytest.raises(Damaged, match=rf"block {block}: .*its checksum is"),
        ):
            thin(*found, number=0)


@pytest.mark.parametrize(
    ("at", "value", "said"),
    [
        (8, 1, "node 4294967297|node "),  # its own number
        (16, 253, "253 entries of"),
        (20, 300, "of 300, 8 bytes"),
        (24, 4, "4 bytes each"),
        (4, 3, "node "),
    ],
)
def test_a_node_that_cannot_be_meant_is_damaged(
    at: int, value: int, said: str, tmp_path: Path
) -> None:
    metadata = recorded("thin-metadata")
    root = root_of(metadata)
    struct.pack_into("<I", metadata, root * PAGE_SIZE + at, value)
    both = (recorded("thin-data"), signed(metadata, root))
    with devices(tmp_path, *both) as found, pytest.raises(Damaged, match=said):
        thin(*found, number=0)


def test_a_tree_that_leads_back_to_itself_ends(tmp_path: Path) -> None:
    metadata = recorded("thin-metadata")
    root = root_of(metadata)
    room = struct.unpack_from("<I", metadata, root * PAGE_SIZE + 20)[0]
    struct.pack_into("<I", metadata, root * PAGE_SIZE + 4, 1)  # internal
    struct.pack_into("<Q", metadata, root * PAGE_SIZE + 32 + room * 8, root)
    both = (recorded("thin-data"), signed(metadata, root))
    with devices(tmp_path, *both) as found, pytest.raises(Damaged, match="there twice"):
        thin(*found, number=0)


def test_a_tree_that_leads_outside_is_damaged(tmp_path: Path) -> None:
    metadata = recorded("thin-metadata")
    struct.pack_into("<Q", metadata, 320, 1 << 60)
    both = (recorded("thin-data"), signed(metadata, 0))
    with devices(tmp_path, *both) as found, pytest.raises(Damaged, match="the device has"):
        thin(*found, number=0)


def test_a_block_outside_of_the_data_is_damaged_where_it_is_read(tmp_path: Path) -> None:
    both = (recorded("thin-data")[: 1 << 20], recorded("thin-metadata"))
    with devices(tmp_path, *both) as found:
        device = thin(*found, number=0)
        assert device.count == 256
        with pytest.raises(Damaged, match=r"thin: lies at .* of a device of 256 blocks"):
            content(device)
