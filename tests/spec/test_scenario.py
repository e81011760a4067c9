"""Scenarios: what cannot be meant is refused, and JSON brings back the same value."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hibtest.errors import SpecError
from hibtest.evidence import read_json, read_written, to_json
from hibtest.spec import (
    Crypt,
    Delay,
    Flakey,
    GuestSpec,
    Integrity,
    Layer,
    Layout,
    Linear,
    Mounts,
    Multipath,
    Origin,
    Plug,
    PutBack,
    Raid1,
    ResumeSpec,
    Scenario,
    Snapshot,
    Stack,
    Striped,
    SwapDisk,
    SwapFile,
    Thin,
    Volume,
    on_each,
)

GUEST = GuestSpec(kernel="trixie")


@pytest.mark.parametrize("name", ["", "Upper", "a b", "../up", "-dash"])
def test_a_name_that_is_no_directory_is_refused(name: str) -> None:
    with pytest.raises(SpecError, match="scenario name"):
        Scenario(name=name, guest=GUEST)


def test_the_message_allows_what_is_allowed() -> None:
    with pytest.raises(SpecError, match=r"a-z 0-9 \. _ -"):
        Scenario(name="A", guest=GUEST)
    assert Scenario(name="a0._-", guest=GUEST).name == "a0._-"


def test_more_vcpus_than_fit_are_refused() -> None:
    with pytest.raises(SpecError, match="8 vCPUs do not fit in max_vcpus 4"):
        Scenario(name="a", guest=replace(GUEST, vcpus=8, max_vcpus=4))


def test_too_little_memory_is_refused_with_the_limit() -> None:
    with pytest.raises(SpecError, match="64 MiB of memory is too little"):
        Scenario(name="a", guest=replace(GUEST, memory_mib=64))


@pytest.mark.parametrize(
    "layout", [(), (SwapDisk(size_mib=8, on=(Crypt(), Volume())), SwapFile(priority=3))]
)
def test_json_brings_back_the_same_scenario(layout: Layout, tmp_path: Path) -> None:
    scenario = Scenario(name="a", guest=GUEST, layout=layout, lives=2, tags=("smoke",))
    path = tmp_path / "scenario.json"
    path.write_bytes(to_json(scenario))
    assert read_json(path, Scenario) == scenario


@pytest.mark.parametrize(
    ("one", "said"),
    [
        ({"layout": SwapDisk()}, r"a: layout is SwapDisk\(.*, not a tuple"),
        (
            {"guest": replace(GUEST, root=Linear())},  # type: ignore[arg-type]
            "a: guest.root is Linear.*, not a tuple",
        ),
        ({"before": [Plug()]}, "a: before is .*, not a tuple"),
        ({"tags": "smoke"}, "a: tags is 'smoke', not a tuple"),
    ],
)
def test_one_without_a_comma_is_told(one: dict[str, Any], said: str) -> None:
    with pytest.raises(SpecError, match=said):
        Scenario(**{"name": "a", "guest": GUEST, **one})


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            b'"vcpus"',
            b'"vcpu"',
            r"guest has no field 'vcpu' \(did you mean vcpus or cpu or max_vcpus\?\)",
        ),
        (b'"lives"', b'"xyz"', r"Scenario has no field 'xyz' \(there are name, guest"),
        (b'"size_mib"', b'"size"', r"layout\[0\] has no field 'size'"),
    ],
)
def test_a_field_that_is_none_is_refused_in_what_people_write(
    old: bytes, new: bytes, said: str, tmp_path: Path
) -> None:
    scenario = Scenario(name="a", guest=GUEST, layout=(SwapDisk(size_mib=8),))
    path = tmp_path / "scenario.json"
    path.write_bytes(to_json(scenario))
    assert read_written(path, Scenario) == scenario
    path.write_bytes(to_json(scenario).replace(old, new))
    with pytest.raises(SpecError, match=said):
        read_written(path, Scenario)


_DEEP = b'{"name": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"


@pytest.mark.parametrize(
    "text", [b"", b"{}", b'{"name": 3}', b"\xff\xfe", b'{"name": "A b"}', _DEEP, b"[" * 100_000]
)
def test_a_file_that_is_no_scenario_is_named(text: bytes, tmp_path: Path) -> None:
    path = tmp_path / "scenario.json"
    path.write_bytes(text)
    with pytest.raises(SpecError, match=r"scenario\.json"):
        read_json(path, Scenario)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="No such file"):
        read_json(tmp_path / "nothing.json", Scenario)


def _huge(path: Path) -> None:
    path.touch()
    os.truncate(path, 1 << 40)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (os.mkfifo, "a FIFO is no file of a run"),
        (lambda path: path.symlink_to("/dev/zero"), "a character device is no file of a run"),
        (Path.mkdir, "a directory is no file of a run"),
        (_huge, "1048576 MiB"),
    ],
)
def test_what_is_no_file_of_a_run_is_not_read(
    tmp_path: Path, make: Callable[[Path], None], said: str
) -> None:
    path = tmp_path / "scenario.json"
    make(path)
    with pytest.raises(SpecError, match=said):
        read_json(path, Scenario)


def test_a_question_is_asked_of_each_kernel_by_its_name(tmp_path: Path) -> None:
    one = Scenario(name="cut-KERNEL-1cpu", guest=GuestSpec(kernel="trixie"))
    assert (one.name, one.question) == ("cut-trixie-1cpu", "cut-KERNEL-1cpu")
    other = one.on("bookworm")
    assert (other.name, other.question, other.guest.kernel) == (
        "cut-bookworm-1cpu",
        "cut-KERNEL-1cpu",
        "bookworm",
    )
    path = tmp_path / "scenario.json"
    path.write_bytes(to_json(other))
    assert read_json(path, Scenario) == other


def test_a_name_without_a_kernel_is_its_own_question() -> None:
    one = Scenario(name="trixie-too", guest=GuestSpec(kernel="trixie"))
    assert one.question == "trixie-too"
    assert one.on("own").name == "trixie-too"


def test_another_name_is_another_question() -> None:
    one = Scenario(name="cut-KERNEL", guest=GuestSpec(kernel="trixie"))
    assert replace(one, name="tampered").question == "tampered"
    changed = replace(one, guest=GuestSpec(kernel="own"))
    assert (changed.name, changed.question) == ("cut-trixie", "cut-trixie")


@pytest.mark.parametrize(
    ("stack", "said", "hint"),
    [
        ((Linear(), Multipath()), "something is below Multipath", "the first of the stack"),
        ((Raid1(), Striped(), Thin(), Snapshot()), "takes 16 disks", "8 at most"),
        ((Multipath(), Raid1(), Striped(), Origin()), "takes 16 disks", "8 at most"),
    ],
)
def test_a_stack_that_cannot_be_is_refused(stack: Stack, said: str, hint: str) -> None:
    with pytest.raises(SpecError, match=rf"a: guest.root: .*{said}") as raised:
        Scenario(name="a", guest=replace(GUEST, root=stack))
    assert hint in str(raised.value.hint)
    with pytest.raises(SpecError, match=rf"a: a swap's `on`: .*{said}"):
        Scenario(name="a", guest=GUEST, layout=(SwapFile(on=stack),))


def test_a_stack_that_is_no_tuple_is_refused() -> None:
    with pytest.raises(SpecError, match="`on` is Linear"):
        Scenario(name="a", guest=GUEST, layout=(SwapDisk(on=Linear()),))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        (lambda: Striped(chunk_kib=3), "Striped: chunks of 3 KiB"),
        (lambda: Snapshot(chunk_kib=2), "Snapshot: chunks of 2 KiB"),
        (lambda: Origin(chunk_kib=2048), "Origin: chunks of 2048 KiB"),
        (lambda: Thin(chunk_kib=32), "Thin: blocks of 32 KiB"),
        (lambda: Delay(ms=2000), "Delay: 2000 ms"),
        (lambda: Delay(ms=-1), "Delay: -1 ms"),
    ],
)
def test_a_layer_that_cannot_be_is_refused(layer: Callable[[], Layer], said: str) -> None:
    with pytest.raises(SpecError, match=said):
        layer()


def test_json_brings_back_every_layer(tmp_path: Path) -> None:
    layers = (Multipath(), Striped(chunk_kib=4), Raid1(), Thin(provisioned=True), Delay(ms=1))
    more = (Snapshot(), Integrity(journal=False), Flakey(), Linear(), Crypt(), Volume())
    layout = tuple(SwapDisk(on=(layer,)) for layer in (*layers, *more, Origin(chunk_kib=8)))
    path = tmp_path / "scenario.json"
    path.write_bytes(to_json(Scenario(name="a", guest=GUEST, layout=layout)))
    assert read_json(path, Scenario).layout == layout


def test_mounts_of_a_boot_that_is_not_there_are_refused() -> None:
    with pytest.raises(SpecError, match="a: read-only mounts, but no boot in between"):
        Scenario(name="a", guest=GUEST, mounts=Mounts.READ_ONLY)


def test_an_image_of_several_lives_is_not_resumed_again() -> None:
    again = ResumeSpec(again=PutBack.DISKS)
    with pytest.raises(SpecError, match="a: an image that is resumed again, of 2 lives"):
        Scenario(name="a", guest=GUEST, resume=again, lives=2)


def test_a_question_is_asked_of_each_kernel_and_usual_ones_are_not_wide() -> None:
    asked = Scenario(name="a-KERNEL", guest=GUEST, tags=("b",))
    one, other = on_each(("bookworm", "trixie"), [asked], usual={"a-trixie"})
    assert (one.name, one.guest.kernel, one.tags) == ("a-bookworm", "bookworm", ("b", "wide"))
    assert (other.name, other.question, other.tags) == ("a-trixie", "a-KERNEL", ("b",))
