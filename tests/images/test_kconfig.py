"""Finding a kernel's configuration: in the kernel, in each compression, and beside it."""

import bz2
import contextlib
import gzip
import lzma
import os
import tracemalloc
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import lz4.block  # type: ignore[import-untyped]
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hibtest.errors import SpecError
from hibtest.images import bzimage, kconfig, payload
from tests.images.bzimages import make_bzimage

CONFIG = "CONFIG_HIBERNATION=y\n# CONFIG_SMP is not set\nCONFIG_EXT4_FS=m\n"
SIZE = b"\x00\x10\x00\x00"  # scripts/Makefile.lib appends the uncompressed size
BLOCK = 8 << 20


def kernel(config: str = CONFIG, *, before: int = 3 << 20) -> bytes:
    packed = b"IKCFG_ST" + gzip.compress(config.encode(), mtime=0) + b"IKCFG_ED"
    return bytes(before) + packed + b"rodata" * 100


def lz4_legacy(data: bytes) -> bytes:
    blocks = [data[start : start + BLOCK] for start in range(0, len(data), BLOCK)]
    packed = [lz4.block.compress(block, store_size=False) for block in blocks]
    return b"\x02\x21\x4c\x18" + b"".join(len(p).to_bytes(4, "little") + p for p in packed)


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": partial(gzip.compress, mtime=0),  # its bytes are to be the same each time
    "bzip2": lambda data: bz2.compress(data) + SIZE,
    "xz": lambda data: lzma.compress(data, check=lzma.CHECK_CRC32) + SIZE,
    "lzma": lambda data: lzma.compress(data, format=lzma.FORMAT_ALONE) + SIZE,
    "lz4": lambda data: lz4_legacy(data) + SIZE,
    "zstd": lambda data: zstandard.ZstdCompressor().compress(data) + SIZE,
}


def write(path: Path, data: bytes) -> bzimage.BzImage:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(make_bzimage(data))
    return bzimage.read(path)


@pytest.mark.parametrize("kind", PACKERS)
@pytest.mark.parametrize("before", [0, payload.CHUNK - 4, BLOCK - 4, BLOCK + 1])
def test_configuration_in_the_kernel(tmp_path: Path, kind: str, before: int) -> None:
    image = write(tmp_path / "bzImage", PACKERS[kind](kernel(before=before)))
    found = kconfig.find(image)
    assert found.source == "in the kernel"
    assert found.options == {"HIBERNATION": "y", "EXT4_FS": "m"}
    assert found.value("SMP") == "n"


@pytest.mark.parametrize("kind", PACKERS)
def test_unpacked_kernel_is_whole(kind: str) -> None:
    data = os.urandom(100) * 20_000 + os.urandom(1 << 20)
    assert b"".join(payload.decompress_bytes(PACKERS[kind](data))) == data


@pytest.mark.parametrize(
    ("kernel_path", "config_path"),
    [
        ("src/arch/x86/boot/bzImage", "src/.config"),
        ("boot/vmlinuz-6.12.0-test", "boot/config-6.12.0-test"),
        ("boot/vmlinuz", "usr/lib/modules/6.12.0-test/config"),
        ("boot/vmlinuz", "lib/modules/6.12.0-test/config"),
        ("usr/lib/modules/6.12.0-test/vmlinuz", "usr/lib/modules/6.12.0-test/config"),
    ],
)
def test_configuration_beside_the_kernel(
    tmp_path: Path, kernel_path: str, config_path: str
) -> None:
    image = write(tmp_path / kernel_path, gzip.compress(b"no configuration"))
    config = tmp_path / config_path
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(CONFIG)
    assert kconfig.find(image) == kconfig.KernelConfig(
        source=str(config), options={"HIBERNATION": "y", "EXT4_FS": "m"}
    )


def test_build_tree_through_its_symlink(tmp_path: Path) -> None:
    write(tmp_path / "arch/x86/boot/bzImage", gzip.compress(b""))
    (tmp_path / ".config").write_text(CONFIG)
    link = tmp_path / "arch/x86_64/boot/bzImage"
    link.parent.mkdir(parents=True)
    link.symlink_to("../../x86/boot/bzImage")
    assert kconfig.find(bzimage.read(link)).source == str(tmp_path / ".config")


def test_the_configuration_in_the_kernel_is_believed_first(tmp_path: Path) -> None:
    # the file of a build tree may have been edited since
    image = write(tmp_path / "bzImage", gzip.compress(kernel()))
    (tmp_path / ".config").write_text("CONFIG_OTHER=y\n")
    assert kconfig.find(image).source == "in the kernel"
    assert kconfig.find(image, tmp_path / ".config").options == {"OTHER": "y"}


def test_a_kernel_that_cannot_be_unpacked_may_have_one_beside_it(tmp_path: Path) -> None:
    image = write(tmp_path / "bzImage", b"\x89LZO\0\r\n\x1a\n")
    with pytest.raises(SpecError, match=r"compressed with LZO.*--config"):
        kconfig.find(image)
    (tmp_path / "config").write_text(CONFIG)
    assert kconfig.find(image).source == str(tmp_path / "config")


def test_no_configuration_anywhere(tmp_path: Path) -> None:
    image = write(tmp_path / "bzImage", gzip.compress(b"no configuration"))
    with pytest.raises(SpecError, match=r"neither in it .* nor beside it .*--config"):
        kconfig.find(image)


def test_a_given_file_that_is_no_configuration(tmp_path: Path) -> None:
    image = write(tmp_path / "bzImage", gzip.compress(kernel()))
    with pytest.raises(SpecError, match="No such file"):
        kconfig.find(image, tmp_path / "missing")
    (tmp_path / "noise").write_bytes(os.urandom(5000))
    with pytest.raises(SpecError, match="no kernel configuration"):
        kconfig.find(image, tmp_path / "noise")


@pytest.mark.parametrize(
    "packed",
    [
        b"IKCFG_ST\x1f\x8b\x08" + bytes(100) + b"IKCFG_ED",
        b"IKCFG_ST" + gzip.compress(CONFIG.encode()),
        b"IKCFG_ST\x1f\x8b\x08" + bytes(6 << 20),
    ],
    ids=["damaged", "without an end", "endless"],
)
def test_a_damaged_configuration_is_none(packed: bytes) -> None:
    assert kconfig.extract([b"", packed, bytes(10)]) is None


@pytest.mark.parametrize("kind", PACKERS)
def test_a_bomb_is_refused_in_bounded_memory(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr(payload, "LONGEST_OUTPUT", 32 << 20)
    bomb = PACKERS[kind](bytes(64 << 20))
    tracemalloc.start()
    try:
        with pytest.raises(payload.PayloadError, match="unpacks to more than 32 MiB"):
            for _ in payload.decompress_bytes(bomb):
                pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 28 << 20  # an LZ4 block is 8 MiB


def test_a_configuration_that_is_a_bomb_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kconfig, "_LONGEST", 1000)
    text = kconfig.extract([kernel("CONFIG_A=y\n" * 1_000_000)])
    assert text is not None
    assert len(text) == 1000


def assert_config_or_error(packed: bytes) -> None:
    # any other exception fails the test
    with contextlib.suppress(payload.PayloadError):
        text = kconfig.extract(payload.decompress_bytes(packed))
        assert text is None or len(text) < 1000


@pytest.mark.parametrize("kind", PACKERS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_damaged_payloads_give_typed_errors(kind: str, data: st.DataObject) -> None:
    packed = bytearray(PACKERS[kind](kernel(before=2000)))
    for _ in range(data.draw(st.integers(1, 4))):
        packed[data.draw(st.integers(0, len(packed) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(packed)))
    assert_config_or_error(bytes(packed[:cut]))


@given(noise=st.binary(max_size=300), magic=st.sampled_from(sorted(PACKERS)))
@settings(deadline=None)
def test_noise_gives_typed_errors(noise: bytes, magic: str) -> None:
    start = PACKERS[magic](zlib.compress(b""))[:6]
    assert_config_or_error(start + noise)
