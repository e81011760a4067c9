"""Numbers of system calls."""

import ctypes
import errno
import os
import re
from pathlib import Path

import pytest

from hibtest.linux import syscalls

# where a distribution puts the headers that the two tables are taken from
HEADERS = {
    "x86_64": "/usr/include/x86_64-linux-gnu/asm/unistd_64.h",
    "aarch64": "/usr/include/asm-generic/unistd.h",
}


def test_each_architecture_has_the_same_calls() -> None:
    assert set(syscalls.NUMBERS["x86_64"]) == set(syscalls.NUMBERS["aarch64"])


@pytest.mark.parametrize("machine", HEADERS)
def test_the_numbers_are_those_of_the_kernels_headers(machine: str) -> None:
    header = Path(HEADERS[machine])
    if not header.exists():
        pytest.skip(f"no {header}: linux-libc-dev is not installed")
    named = dict(re.findall(r"^#define __NR_(\w+) (\d+)$", header.read_text(), re.MULTILINE))
    for name, number in syscalls.NUMBERS[machine].items():
        assert (name, int(named[name])) == (name, number)


def test_this_kernel_knows_a_call_by_its_number() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    query = libc.syscall(ctypes.c_long(syscalls.number("membarrier")), 0, 0, 0)
    assert query >= 0 or ctypes.get_errno() != errno.ENOSYS


def test_what_is_not_in_the_table_is_named() -> None:
    with pytest.raises(OSError, match="no number is known of reboot on x86_64") as caught:
        syscalls.number("reboot", "x86_64")
    assert caught.value.errno == errno.ENOSYS
    with pytest.raises(OSError, match="clone on riscv64"):
        syscalls.number("clone", "riscv64")


def test_the_machine_is_the_one_we_run_on() -> None:
    assert syscalls.number("clone") == syscalls.number("clone", os.uname().machine)
