"""Device mapper's ioctls, from what a real kernel (6.12) answered."""

import base64
import zlib

import pytest

from hibtest.linux import dm
from hibtest.linux.dm import Target

# deflated: mostly padding
LIST = "eNpjYWBgMGCAgBmMDAwWjAyjgBjwF0IpAHFRfn4JujQTknxxXmIBujzjXwS7pDxfoTy/KKUYSR4AhwcLYA=="
LINEAR = (
    "eNpjYWBgMGCAgCWMDAwWQMwE5cPEQYDxL4QuKc9XKM8vSilmGAUgwIHEtgDinMy81MQihJiRqYmVmYmCAbp6ASR9"
    "Bbj1mRhYmjEAAGWQD2s="
)
SNAPSHOT = (
    "eNpjYWBgMGCAgCJGBgYLIGaE8mHiIMD0F0IX5yUWMIwCBOBAMB2g4VOckV8CEzMyNbEyUACRZiYKAf4KFgwAekgK9g=="
)
STATUS = "eNpjYWBgMGCAgFxGBgYLIGaE8hUYEIDpL4QuzkssYBgFCMCBYFpAw6c4I78EJmZopm9qZGJkYaFgaMYAACePCbg="
INFO = "eNpjYWBgMGCAAENGBgYLIAYiMFZgQAJ/IVRRfn4Jw0gGAKT8A4M="


def _answer(text: str) -> bytes:
    # the kernel gives as many bytes as it has to say, into a buffer that is longer
    return zlib.decompress(base64.b64decode(text)).ljust(dm.SPACE, b"\0")


def test_names_of_all_devices() -> None:
    found = dm.unpack_names(_answer(LIST))
    assert found == {"root": 253 << 8, "snap": 253 << 8 | 2, "two words": 253 << 8 | 1}


def test_a_machine_without_devices_has_no_names() -> None:
    assert dm.unpack_names(dm.pack()) == {}


@pytest.mark.parametrize(
    ("answer", "targets"),
    [
        (LINEAR, [Target(0, 8, "linear", "254:64 0"), Target(8, 16, "linear", "254:64 4096")]),
        (SNAPSHOT, [Target(0, 2048, "snapshot", "254:0 254:64 PO 8")]),
        (STATUS, [Target(0, 2048, "snapshot", "16/524288 16")]),
    ],
)
def test_tables_and_what_targets_say(answer: str, targets: list[Target]) -> None:
    assert dm.unpack_targets(_answer(answer)) == targets


def test_what_a_device_is() -> None:
    info = dm.unpack_info(_answer(INFO))
    assert (info.device, info.opens, info.uuid) == (253 << 8, 1, "")
    assert info.flags & dm.ACTIVE_PRESENT
    assert not info.flags & dm.INACTIVE_PRESENT


def test_a_table_is_packed_as_the_kernel_takes_it() -> None:
    targets = [Target(0, 8, "linear", "254:64 0"), Target(8, 16, "crypt", "x" * 20000)]
    packed = dm.pack("root", flags=dm.SKIP_LOCKFS, targets=targets)
    fields = dm.HEADER.unpack_from(packed)
    version, size, start, count, flags = fields[:3], fields[3], fields[4], fields[5], fields[7]
    assert version == (4, 0, 0)
    assert (size, start, count, flags) == (len(packed), dm.HEADER.size, 2, dm.SKIP_LOCKFS)
    assert fields[11].rstrip(b"\0") == b"root"
    # here, unlike in an answer, the next one is told from where this one begins
    first = dm.TARGET.unpack_from(packed, start)
    second = dm.TARGET.unpack_from(packed, start + first[3])
    assert (first[0], first[1], first[3] % 8) == (0, 8, 0)
    assert (second[0], second[1], second[4].rstrip(b"\0")) == (8, 16, b"crypt")
    assert packed[start + first[3] + dm.TARGET.size :].startswith(b"x" * 20000 + b"\0")


def test_the_header_is_as_long_as_the_kernels() -> None:
    # struct dm_ioctl has 312 bytes, struct dm_target_spec 40
    assert (dm.HEADER.size, dm.TARGET.size) == (312, 40)
