"""The kernel's numbers, from lines that real kernels printed."""

from pathlib import Path

import pytest

from hibtest.agent import kmsg

KLOG = Path(__file__).parents[1] / "story" / "klog"


@pytest.mark.parametrize("kernel", ["bookworm", "trixie", "backports"])
def test_numbers_of_a_real_save(kernel: str) -> None:
    found = kmsg.numbers((KLOG / f"{kernel}-save.log").read_text().splitlines())
    assert found["preallocated"] > 10000
    # 7.3 prints the others on request only
    assert ("to_copy" in found, "copied" in found) == (kernel != "backports",) * 2
    assert ("zero" in found) == (kernel == "trixie")
    if kernel == "trixie":
        assert found["copied"] + found["zero"] == found["to_copy"]


def test_debug_lines_give_the_same_number() -> None:
    # seen in 7.3, without pm_debug_messages
    text = "PM: hibernation: Normal pages needed: 42968 + 1024, available pages: 87938"
    assert kmsg.numbers([text]) == {"needed": 42968, "available": 87938}


def test_what_is_short_is_told() -> None:
    text = "PM: hibernation: Image allocation is 812 pages short"
    assert kmsg.numbers([text]) == {"short": 812}


@pytest.mark.parametrize(
    "text",
    [
        "task:python3         state:D stack:    0 pid:  200 ppid:   199 flags:0x00000006",
        "task:python3         state:D stack:0     pid:200   tgid:200   ppid:199    flags:0x4006",
    ],
    ids=["6.1", "6.12"],
)
def test_who_refuses_is_named(text: str) -> None:
    assert kmsg.refusing(["Freezing user space processes", text]) == (
        kmsg.Refusing(tid=200, comm="python3", state="D"),
    )


def test_a_record_is_its_first_line() -> None:
    assert kmsg.text_of(b"6,339,5140900,-;NET: a;b\n SUBSYSTEM=acpi\n") == "NET: a;b"
