"""``hibtest inspect`` on images and disks that it does not read: each is told by its name."""

import json
import random
import struct
import subprocess
from pathlib import Path

import pytest

from hibtest.cli.inspect import offset_block
from tests.cli.test_inspect import inspect
from tests.image.test_disk import gpt
from tests.image.writer import PAGE, Recipe, write

MIB = 1 << 20
ARMED = b"SWAPSPACE2S1SUSPEND\0"
UNAME = b"#1 SMP PREEMPT Debian 6.12.9-1"


def disk(tmp_path: Path, *parts: tuple[int, bytes]) -> Path:
    """Write a disk of 1 MiB with bytes in some places."""
    path = tmp_path / "disk"
    with path.open("wb") as file:
        file.truncate(MIB)
        for at, content in parts:
            file.seek(at)
            file.write(content)
    return path


@pytest.mark.parametrize("kib", [8, 16, 32, 64])
def test_an_image_of_a_machine_with_larger_pages(tmp_path: Path, kib: int) -> None:
    path = disk(tmp_path, (kib * 1024 - len(ARMED), ARMED))
    done = inspect(path)
    assert (done.returncode, done.stderr) == (0, "")
    first, *_ = done.stdout.splitlines()
    assert first == f"{path}: an armed hibernation image of a machine with {kib}K pages"
    assert "  signature     S1SUSPEND, SWAPSPACE2 before (block 0)\n" in done.stdout
    assert "6.1, 6.12, 7.3: refuses (-22), at debug level\n" in done.stdout
    found = json.loads(inspect(path, "--json").stdout)
    assert (found["state"], found["damage"]) == ("armed", None)
    assert found["machine"]["page_size"] == kib * 1024


@pytest.mark.parametrize("kib", [8, 16, 32, 64])
def test_a_swap_of_a_machine_with_larger_pages(tmp_path: Path, kib: int) -> None:
    path = disk(tmp_path, (kib * 1024 - 10, b"SWAPSPACE2"))
    done = inspect(path)
    assert done.returncode == 0
    what = f"a swap area of a machine with {kib}K pages"
    assert done.stdout == f"{path}: no hibernation image, but {what}\n"


def test_a_used_up_image_of_larger_pages(tmp_path: Path) -> None:
    header = struct.pack("<IIQI10s10s", 0, 0, 1, 4, b"SWAPSPACE2", b"SWAPSPACE2")
    path = disk(tmp_path, (16384 - len(header), header))
    first, *_ = inspect(path).stdout.splitlines()
    of = "of a machine with 16K pages"
    assert first == f"{path}: a hibernation image {of} that was resumed from, or taken away"


def test_what_mkswap_makes_for_larger_pages(tmp_path: Path) -> None:
    path = disk(tmp_path)
    subprocess.run(["mkswap", "-q", "-p", "65536", path], check=True, capture_output=True)
    assert "a swap area of a machine with 64K pages\n" in inspect(path).stdout


def test_the_end_of_a_page_within_a_file_system_is_no_swap(tmp_path: Path) -> None:
    path = disk(tmp_path, (0, b"XFSB"), (16384 - len(ARMED), ARMED))
    assert "no hibernation image, but an XFS file system (a swap file" in inspect(path).stdout


def foreign(
    tmp_path: Path, info: bytes, *, page: int = PAGE, order: str = "<", at: int = 0
) -> Path:
    """Write an armed image whose info page is this, on the machine that writes it."""
    fields = struct.pack(f"{order}IIQI10s10s", 0, 0, 1, 4, b"SWAPSPACE2", b"S1SUSPEND\0")
    first = struct.pack(f"{order}Q", 2)
    return disk(tmp_path, (at + page - len(fields), fields), (page, first), (2 * page, info))


def utsname(machine: bytes) -> bytes:
    words = (b"Linux", b"host", b"6.12.9", UNAME, machine, b"(none)")
    return b"".join(word.ljust(65, b"\0") for word in words)


@pytest.mark.parametrize(
    ("info", "page", "order", "what", "kernel"),
    [
        (UNAME, PAGE, "<", "another architecture (arm64 or riscv)", UNAME.decode()),
        (UNAME, 16384, "<", "another architecture (arm64 or riscv) with 16K pages", UNAME.decode()),
        (utsname(b"armv7l"), PAGE, "<", "another architecture (armv7l)", "6.12.9"),
        (utsname(b"loongarch64"), 16384, "<", "architecture (loongarch64) with 16K", "6.12.9"),
        (utsname(b"ppc64"), 65536, ">", "another architecture (ppc64) with 64K pages", "6.12.9"),
        (utsname(b"mips64"), PAGE, ">", "another architecture (mips64)", "6.12.9"),
        (struct.pack("<12xI", 0x12345679), PAGE, "<", "architecture (x86 of 32 bits)", ""),
        (
            struct.pack("<24xQ", 0x23456789ABCDEF01),
            PAGE,
            "<",
            "another kind (x86-64, of an older kernel)",
            "",
        ),
    ],
)
def test_an_image_of_another_architecture_is_not_damaged(
    tmp_path: Path, info: bytes, page: int, order: str, what: str, kernel: str
) -> None:
    done = inspect(foreign(tmp_path, info, page=page, order=order))
    assert (done.returncode, done.stderr) == (0, "")
    assert ": an armed hibernation image of " in done.stdout
    assert what in done.stdout
    assert "DAMAGED" not in done.stdout
    assert "  flags         0x4 CRC32_MODE\n" in done.stdout
    assert (f"  of            kernel {kernel}\n" in done.stdout) == bool(kernel)


def test_what_x86_kernels_say_to_an_image_of_arm64(tmp_path: Path) -> None:
    done = inspect(foreign(tmp_path, UNAME))
    assert "  Unrecognized hibernate image header format!\n" in done.stdout
    found = json.loads(inspect(tmp_path / "disk", "--json").stdout)
    assert found["machine"] == {
        "page_size": PAGE,
        "architecture": "arm64 or riscv",
        "kernel": UNAME.decode(),
        "big_endian": False,
    }


def test_text_of_another_machine_does_nothing_to_the_terminal(tmp_path: Path) -> None:
    done = inspect(foreign(tmp_path, b"Linux\0\x1b]0;owned\x07"))
    assert "DAMAGED" not in done.stdout
    assert done.stdout.replace("\n", "").isprintable()


def test_a_garbled_magic_is_damage_still(tmp_path: Path) -> None:
    done = inspect(foreign(tmp_path, b"\xff" * 400))
    assert done.returncode == 1
    assert "DAMAGED: an armed hibernation image\n" in done.stdout


TUXONICE = b"\xed\xc3\x02\xe9\x98\x56\xe5\x0c"


@pytest.mark.parametrize(
    ("parts", "what"),
    [
        ([(0, TUXONICE), (4086, b"SWAPSPACE2")], "a TuxOnIce image"),
        ([(4086, b"S2SUSPEND")], "a hibernation image of the old kind (S2SUSPEND)"),
        ([(4086, b"LINHIB0001")], "a hibernation image of an older kernel (LINHIB0001)"),
        ([(4086, b"ULSUSPEND")], "an image of uswsusp (ULSUSPEND)"),
        (
            [(16374, b"LINHIB0001")],
            "a hibernation image of an older kernel (LINHIB0001) of a machine with 16K pages",
        ),
    ],
)
def test_images_of_other_writers(tmp_path: Path, parts: list[tuple[int, bytes]], what: str) -> None:
    path = disk(tmp_path, *parts)
    done = inspect(path)
    assert done.returncode == 0
    assert done.stdout == f"{path}: {what}, which is not read here\n"
    found = json.loads(inspect(path, "--json").stdout)
    assert (found["state"], found["contains"]) == ("other", what)


@pytest.mark.parametrize("tool", ["xz", "gzip", "zstd", "bzip2"])
@pytest.mark.parametrize("words", [[], ["--offset", "1"], ["--partition", "1"]])
def test_what_is_compressed_is_named(tmp_path: Path, tool: str, words: list[str]) -> None:
    content = random.Random(1).randbytes(4 * PAGE) if words else bytes(PAGE)  # noqa: S311
    path = tmp_path / "packed"
    packed = subprocess.run([tool, "-c"], input=content, capture_output=True, check=True)
    path.write_bytes(packed.stdout)
    done = inspect(path, *words)
    assert done.returncode == (2 if "--partition" in words else 0)
    assert f"a file that {tool} has compressed (unpack it first)" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"PK\x03\x04" + bytes(100), "a zip archive"),
        (bytes(257) + b"ustar\0" + bytes(PAGE), "a tar archive"),
        (b"# Disk DescriptorFile\nversion=1\n", "a VMDK disk in a file (qemu-img convert"),
        (bytes(3) + b"NTFS    " + bytes(PAGE), "an NTFS file system"),
    ],
)
def test_small_ones(tmp_path: Path, content: bytes, what: str) -> None:
    path = tmp_path / "disk"
    path.write_bytes(content)
    done = inspect(path)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"no hibernation image, but {what}" in done.stdout


FILE = "(a swap file in it is found by --offset N, its resume_offset)"


@pytest.mark.parametrize(
    ("at", "magic", "name"),
    [
        (1080, b"\x53\xef", "an ext2, ext3 or ext4 file system"),
        (0, b"XFSB", "an XFS file system"),
        (65600, b"_BHRfS_M", "a btrfs file system"),
        (1024, b"\x10\x20\xf5\xf2", "an F2FS file system"),
    ],
)
def test_a_swap_file_is_found_in_its_file_system(
    tmp_path: Path, at: int, magic: bytes, name: str
) -> None:
    offset = 20
    area = write(Recipe(offset=offset)).disk[offset * PAGE :]
    path = disk(tmp_path, (at, magic), (offset * PAGE, area))
    assert inspect(path).stdout == f"{path}: no hibernation image, but {name} {FILE}\n"
    done = inspect(path, "--offset", "20")
    assert done.returncode == 0, done.stderr
    assert ": an armed hibernation image\n" in done.stdout


@pytest.mark.parametrize("text", ["20", f"{20 * PAGE}B", "81920b", "80K", "80k", "160s"])
def test_an_offset_is_a_page_or_bytes(text: str) -> None:
    assert offset_block(text) == 20
    assert offset_block("0") == 0
    assert offset_block("3T") == 3 << 28


@pytest.mark.parametrize(
    ("offset", "message"),
    [
        ("0x20", "'0x20' is neither a page nor bytes"),
        ("-1", "'-1' is neither a page nor bytes"),
        ("1P", "'1P' is neither a page nor bytes"),
        ("9" * 5000, "is neither a page nor bytes"),
        ("5000B", "5000B lies 904 bytes within a page of 4096"),
        ("63s", "63s lies 3584 bytes within a page of 4096"),
        ("999999T", "begins at block"),
    ],
)
def test_offsets_that_are_none(tmp_path: Path, offset: str, message: str) -> None:
    done = inspect(disk(tmp_path), f"--offset={offset}")
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_partition_of_a_disk_with_sectors_of_4096_bytes(tmp_path: Path) -> None:
    area = write(Recipe()).disk
    table = gpt((40, len(area) // PAGE), sector=PAGE)
    path = disk(tmp_path, (0, table), (40 * PAGE, area))
    assert "but a partition table (GPT) (--partition N looks" in inspect(path).stdout
    done = inspect(path, "--partition", "1")
    assert done.returncode == 0, done.stderr
    assert ": an armed hibernation image\n" in done.stdout
