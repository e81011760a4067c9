"""Where members lie, as a kernel says of itself."""

import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hibtest.cycle.rollcall.btf import Btf
from hibtest.errors import GuestError
from tests.cycle.rollcall.linux import btf

SOUND = btf({"task_struct": {"tasks": 64, "pid": 96}, "mm_struct": {"pgd": 120}}, {"owner": 16})


def test_a_member_is_found_by_its_name() -> None:
    types = Btf(SOUND)
    assert types.offset("task_struct", "pid") == 96
    assert types.offset("mm_struct", "pgd") == 120


def test_a_member_of_a_structure_without_a_name_is_the_outer_ones() -> None:
    assert Btf(SOUND).offset("task_struct", "owner") == 8 + 16


@pytest.mark.parametrize(
    ("structure", "member", "said"),
    [
        ("task_struct", "pgd", "struct task_struct has no member pgd"),
        ("signal_struct", "pid", "no struct signal_struct"),
        ("task", "pid", "no struct task"),
        ("int", "pid", "no struct int"),
        ("", "pid", "no struct "),
    ],
)
def test_what_there_is_not_is_said(structure: str, member: str, said: str) -> None:
    with pytest.raises(GuestError, match=said):
        Btf(SOUND).offset(structure, member)


def test_offsets_with_a_width_beside_them_are_read() -> None:
    """With the flag, the upper byte is the width of a bit field (include/uapi/linux/btf.h)."""
    at = SOUND.index(struct.pack("<I", 96 * 8))
    kind = SOUND.index(struct.pack("<II", 4 << 24 | 3, 1024))
    changed = bytearray(SOUND)
    changed[kind : kind + 4] = struct.pack("<I", 1 << 31 | 4 << 24 | 3)
    changed[at : at + 4] = struct.pack("<I", 5 << 24 | 96 * 8)
    assert Btf(bytes(changed)).offset("task_struct", "pid") == 96


@given(st.integers(0, len(SOUND)), st.binary(max_size=8))
def test_what_is_damaged_is_said_or_read(at: int, planted: bytes) -> None:
    damaged = SOUND[:at] + planted + SOUND[at + len(planted) :]
    for data in (damaged, damaged[:at]):
        with suppress(GuestError):
            assert Btf(data).offset("task_struct", "owner") >= 0


def test_a_structure_that_has_itself_for_members_is_searched_once() -> None:
    strings = b"\0task_struct\0tasks\0"
    types = struct.pack("<III", 1, 4 << 24 | 40, 8) + struct.pack("<III", 0, 1, 0) * 40
    header = struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(types), len(types), len(strings))
    with pytest.raises(GuestError, match="no member tasks"):
        Btf(header + types + strings).offset("task_struct", "tasks")
