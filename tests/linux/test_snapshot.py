"""The ioctls of /dev/snapshot."""

from hibtest.linux.snapshot import IOCTLS, swap_area

READ, WRITE = 2, 1  # _IOC_READ, _IOC_WRITE of include/uapi/asm-generic/ioctl.h


def number(direction: int, nr: int, size: int) -> int:
    return direction << 30 | size << 16 | ord("3") << 8 | nr


def test_ioctl_numbers_are_those_of_the_header() -> None:
    assert {name: one.number for name, one in IOCTLS.items()} == {
        "FREEZE": number(0, 1, 0),
        "UNFREEZE": number(0, 2, 0),
        "ATOMIC_RESTORE": number(0, 4, 0),
        "FREE": number(0, 5, 0),
        "FREE_SWAP_PAGES": number(0, 9, 0),
        "S2RAM": number(0, 11, 0),
        "SET_SWAP_AREA": number(WRITE, 13, len(swap_area(0, 0))),
        "GET_IMAGE_SIZE": number(READ, 14, 8),
        "PLATFORM_SUPPORT": number(0, 15, 0),
        "POWER_OFF": number(0, 16, 0),
        "CREATE_IMAGE": number(WRITE, 17, 4),
        "PREF_IMAGE_SIZE": number(0, 18, 0),
        "AVAIL_SWAP_SIZE": number(READ, 19, 8),
        "ALLOC_SWAP_PAGE": number(READ, 20, 8),
    }
