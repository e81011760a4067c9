"""The kernel's symbols and memory: lists of three kernels, and a core that was made up."""

import os
import re
from pathlib import Path

import pytest

from hibtest.probe.audit import symbols
from hibtest.probe.audit.symbols import Kcore, Symbol, addresses, parse
from hibtest.probe.base import Lacking
from tests.probe.audit.kcore import kcore
from tests.probe.tree import Tree

# As grep -A4 prints them: of 7.3, whose nm calls some variables text.
LISTED = """\
ffffffff9ec20370 T swsusp_save
ffffffff9ec20780 T __pfx_snapshot_get_image_size
--
ffffffff9f600000 T _etext
ffffffff9f800000 D __start_rodata
--
ffffffffa0881d40 t hibernate_atomic
ffffffffa0881d44 t hibernation_mode
--
ffffffffa155ec60 B fw_lock
ffffffffa155ec80 B reboot_force
"""


def parsed(text: str, *names: str) -> list[Symbol]:
    wanted = re.compile("|".join(names))
    return [one for group in text.split("--\n") for one in parse(group, wanted)]


def test_a_symbol_ends_where_another_address_begins() -> None:
    # three share an address in 7.3: none of them ends the other
    text = (
        "ffffffffa14fb000 D in_suspend\nffffffffa14fb000 D __nosave_begin\n"
        "ffffffffa14fb000 D __init_end\nffffffffa14fc000 b dummy_mapping\n"
    )
    found = parsed(text, "in_suspend", "__nosave_begin")
    assert [(one.name, one.end - one.first) for one in found] == [
        ("in_suspend", 4096),
        ("__nosave_begin", 4096),
    ]


def test_the_last_symbol_of_all_has_no_known_end() -> None:
    assert parsed("ffffffffa14fb000 D in_suspend\n", "in_suspend") == [
        Symbol("in_suspend", "D", 0xFFFFFFFFA14FB000, 0xFFFFFFFFA14FB000)
    ]


def test_a_name_is_meant_as_a_whole_and_never_a_modules() -> None:
    text = (
        "ffffffffa14fb000 D in_suspend_too\nffffffffc0611000 d in_suspend\t[virtio_net]\n"
        "ffffffffa14fb010 b text.7\nffffffffa14fb020 b textual\n"
    )
    assert [one.name for one in parsed(text, "in_suspend", r"text\.[0-9]+")] == ["text.7"]


def test_all_variables_of_a_name_have_an_address() -> None:
    # 6.1: kernel/power/hibernate.c has one, drivers/video/fbdev/core another
    text = "ffffffff9d0b0000 D in_suspend\n--\nffffffff9d206c70 b in_suspend\n"
    found = addresses(parsed(text, "in_suspend"), ("in_suspend", "fw_lock"))
    assert found == {"in_suspend": [0xFFFFFFFF9D0B0000, 0xFFFFFFFF9D206C70], "fw_lock": []}


def test_a_function_is_no_variable() -> None:
    found = parsed(LISTED, "swsusp_save", "_etext", "fw_lock")
    assert addresses(found, ("swsusp_save", "fw_lock")) == {
        "swsusp_save": [],
        "fw_lock": [0xFFFFFFFFA155EC60],
    }


def test_a_variable_that_the_kernel_calls_text_is_one() -> None:
    found = parsed(LISTED, "hibernate_atomic", "_etext")
    assert addresses(found, ("hibernate_atomic",)) == {"hibernate_atomic": [0xFFFFFFFFA0881D40]}


def test_where_the_code_ends_is_not_known_everywhere() -> None:
    found = parsed(LISTED, "hibernate_atomic", "fw_lock")
    assert addresses(found, ("hibernate_atomic", "fw_lock")) == {
        "hibernate_atomic": [],
        "fw_lock": [0xFFFFFFFFA155EC60],
    }


def listing(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    real = symbols.grep
    monkeypatch.setattr(
        symbols, "grep", lambda pattern, _, *options: real(pattern, os.fspath(path), *options)
    )


def test_a_kernels_own_list_is_searched(recorded: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    listing(monkeypatch, recorded.at("/proc/kallsyms"))
    found = symbols.table(("swsusp_save", "in_suspend", "gfp_allowed_mask", "not_there"))
    assert {one.name for one in found} == {"swsusp_save", "in_suspend", "gfp_allowed_mask"}
    assert all(one.first < one.end for one in found)
    assert all(one.first > 1 << 63 for one in found)


def test_a_list_without_addresses_tells_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "kallsyms"
    path.write_text("0000000000000000 T swsusp_save\n0000000000000000 D in_suspend\n")
    listing(monkeypatch, path)
    with pytest.raises(Lacking, match="has no addresses"):
        symbols.table(("swsusp_save", "in_suspend"))
    with pytest.raises(Lacking, match="has no addresses"):
        symbols.table(("not_there",))


def test_memory_is_read_from_the_segment_that_holds_it(tmp_path: Path) -> None:
    path = tmp_path / "kcore"
    low, high = 0xFFFF888000000000, 0xFFFFFFFF81000000
    path.write_bytes(kcore({low: bytes(range(16)), high: b"\xff" * 8 + b"\x01"}))
    core = Kcore(str(path))
    assert core.read(low, 1) == 0
    assert core.read(low + 1, 4) == 0x04030201
    assert core.read(low + 8, 8) == 0x0F0E0D0C0B0A0908
    assert core.read(high, 8) == (1 << 64) - 1
    assert core.read(high + 8, 1) == 1
    for beyond in (low - 1, low + 16, high + 9, 0):
        with pytest.raises(ValueError, match=f"no memory at {beyond:#x}"):
            core.read(beyond, 1)
    core.close()
    with pytest.raises(OSError, match="Bad file"):
        os.fstat(core.fd)


def test_a_kernel_without_a_core_lacks_it(tmp_path: Path) -> None:
    with pytest.raises(Lacking, match="No such file"):
        Kcore(str(tmp_path / "none"))


def test_every_kernel_has_the_variables_of_hibernation(
    recorded: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing(monkeypatch, recorded.at("/proc/kallsyms"))
    names = ("hibernate_atomic", "gfp_allowed_mask", "nr_copy_pages", "system_transition_mutex")
    found = addresses(symbols.table((*names, "_etext", "swsusp_save")), (*names, "swsusp_save"))
    assert [len(found[name]) for name in names] == [1, 1, 1, 1]
    assert found["swsusp_save"] == []
