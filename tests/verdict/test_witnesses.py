"""The rules by which witnesses are compared."""

from typing import Any

import pytest

from hibtest.verdict.witnesses import differences

PAGES = {"pages": 256, "crc": 7}
SAME_PAGES = {"pages": 256, "crc": 7, "differing": 0, "named": []}
OTHER_PAGES = {"pages": 256, "crc": 8, "differing": 2, "named": [[3, 1, 2], [9, 1, 2]]}
COUNTER = {"pid": 5, "starttime": 100, "count": 40}
COUNTS_ON = {
    "pid": 5,
    "starttime": 100,
    "count": 60,
    "later": 61,
    "astray": 0,
    "back": 0.0,
    "ahead": 2.0,
}

WAY = {"unread": 5, "flight": 9, "sent": 9, "received": 9, "wrong_at": None}
TCP = {"there": WAY, "back": WAY, "ports": [1, 2]}
CLOCKS = {
    "monotonic": 50.0,
    "boottime": 50.0,
    "realtime": 1000.0,
    "source": "tsc",
    "host": [7.0, 8.0],
}
PASSED = {"monotonic": 60.0, "boottime": 90.0, "realtime": 1040.5}
LATER = {**CLOCKS, **PASSED, "host": [47.0, 49.0]}
WAIT = {"rounds": 3, "eintr": 1, "errno": 0, "woke": True}
WAITERS = {"pid": 5, "starttime": 100}
THREADS = {
    "threads": [[7, 70, "python3", "S", 1], [8, 80, "python3", "T", 1], [9, 90, "sshd", "S", 0]],
    "kernel": {"kswapd0": 1},
}
LEFT: dict[str, Any] = {
    "threads": [[7, 70, "python3", "R"], [8, 80, "python3", "T"]],
    "kernel": {"kswapd0": 1, "hwrng": 1},
    "stuck": [],
    "exempt": [],
}

WHOLE: list[tuple[str, Any, Any]] = [
    ("boot-id", {"boot_id": "a"}, {"boot_id": "a"}),
    ("counter", COUNTER, COUNTS_ON),
    ("memory", {**PAGES, "huge_kib": 8192}, SAME_PAGES),
    ("locked-memory", {**PAGES, "locked_kib": 1024}, {**SAME_PAGES, "locked_kib": 1024}),
    ("page-cache", PAGES, {**SAME_PAGES, "resident": 256, "disk": SAME_PAGES}),
    ("swapped-memory", {"lacking": "no swap is on"}, None),
    ("tcp", TCP, TCP),
    ("clocks", CLOCKS, LATER),
    ("clocks", CLOCKS, {**LATER, "source": "hpet", "delayed": True}),
    ("timerfd", {"interval": 0.02}, {"interval": 0.02, "expirations": 3, "ticks": True}),
    ("signal-timers", {"pid": 5}, {"pid": 5, "ticks": [True, True]}),
    ("waiters", WAITERS, {**WAITERS, "waits": {"poll": WAIT}}),
    ("modules", {"modules": {"loop": "Live"}}, {"modules": {"loop": "Live", "dm_mod": "Live"}}),
    ("interrupts", {"interrupts": {"ttyS0": 9}}, {"interrupts": {"ttyS0": 0}}),
    ("randomness", {"now": "a", "earlier": []}, {"now": "c", "earlier": ["a", "b"]}),
    ("mounts", {"mounts": ["a"]}, {"mounts": ["a"]}),
    ("threads", THREADS, LEFT),
]

BROKEN: list[tuple[str, Any, Any, str]] = [
    ("boot-id", {"boot_id": "a"}, {"boot_id": "b"}, "boot_id was 'a', is 'b'"),
    ("counter", COUNTER, {**COUNTS_ON, "count": 3, "later": 4}, "counted back from 40 to 3"),
    ("counter", COUNTER, {**COUNTS_ON, "later": 60}, "stands still at 60"),
    ("counter", COUNTER, {**COUNTS_ON, "starttime": 900}, "starttime was 100, is 900"),
    ("counter", COUNTER, {**COUNTS_ON, "astray": 1}, "was not its own"),
    ("counter", COUNTER, {**COUNTS_ON, "back": 2.0}, "CLOCK_MONOTONIC went back by 2.000 s"),
    ("counter", COUNTER, {**COUNTS_ON, "ahead": 100.2}, "leapt ahead by 100 s"),
    ("clocks", CLOCKS, {**LATER, "host": [57.0, 59.0]}, "40.5 s of realtime have passed, 44.0 to"),
    ("memory", PAGES, OTHER_PAGES, "2 of 256 pages differ, the first is page 3"),
    ("memory", PAGES, {**SAME_PAGES, "crc": 9}, "content and page checksums changed together"),
    ("memfd", {**PAGES, "seals": 6}, {**SAME_PAGES, "seals": 0}, "seals was 6, is 0"),
    ("page-cache", PAGES, {**SAME_PAGES, "disk": OTHER_PAGES}, "on disk: 2 of 256"),
    ("page-cache", PAGES, {**SAME_PAGES, "disk": "EIO"}, "disk could not be read: EIO"),
    ("tcp", TCP, {**TCP, "back": {**WAY, "received": 4}}, "back: 9 bytes were sent, 4 received"),
    ("tcp", TCP, {**TCP, "there": {**WAY, "wrong_at": 3}}, "there: the byte at 3 is another"),
    ("tcp", TCP, {**TCP, "there": {**WAY, "flight": 0}}, "there: nothing was in flight"),
    ("clocks", CLOCKS, {**LATER, "monotonic": 48.0}, "monotonic went back"),
    ("clocks", CLOCKS, {**LATER, "realtime": 1046.0, "boottime": 70.0}, "46.0 s of realtime have"),
    ("clocks", CLOCKS, {**LATER, "monotonic": 100.0}, "monotonic is ahead of boottime"),
    ("clocks", CLOCKS, {**LATER, "source": "jiffies"}, "source was 'tsc', is 'jiffies'"),
    ("clocks", CLOCKS, {**LATER, "source": "hpet", "delayed": False}, "source was 'tsc'"),
    ("clocks", CLOCKS, {**LATER, "delayed": True, "monotonic": 48.0}, "monotonic went back"),
    ("timerfd", {"interval": 1}, {"interval": 1, "expirations": 1, "ticks": False}, "not expire"),
    ("signal-timers", {"pid": 5}, {"pid": 5, "ticks": [True, False]}, "timer_create sends no"),
    ("waiters", WAITERS, {**WAITERS, "waits": {"poll": {**WAIT, "woke": False}}}, "poll did not"),
    ("waiters", WAITERS, {**WAITERS, "waits": {"read": {**WAIT, "errno": 9}}}, "with errno 9"),
    ("modules", {"modules": {"loop": "Live"}}, {"modules": {}}, "loop is gone, was Live"),
    ("interrupts", {"interrupts": {"ttyS0": 9}}, {"interrupts": {}}, "ttyS0 is gone"),
    ("randomness", {"now": "a", "earlier": []}, {"now": "a", "earlier": ["a"]}, "a came twice"),
    ("mounts", {"mounts": ["a", "b"]}, {"mounts": ["a"]}, "gone: b"),
    ("mounts", {"mounts": ["a"]}, {"mounts": ["a", "b"]}, "new: b"),
    ("threads", THREADS, {**LEFT, "threads": LEFT["threads"][1:]}, "python3 (7) is gone"),
    ("threads", THREADS, {**LEFT, "kernel": {}}, "0 of 1 kernel threads kswapd0 are left"),
    ("threads", THREADS, {**LEFT, "stuck": [[7, "sh", "D", "io"]]}, "sh (7) is stuck in io"),
    ("threads", THREADS, {**LEFT, "exempt": [[7, "sh", 32768]]}, "sh (7) is exempt from freezing"),
    ("memory", PAGES, None, "is gone"),
    ("memory", PAGES, {}, "facts of another shape"),
    ("memory", None, SAME_PAGES, "nothing is known"),
    ("memory", {"error": "ENOMEM"}, SAME_PAGES, "could not be planted: ENOMEM"),
    ("unheard-of", PAGES, SAME_PAGES, "no rule for this witness"),
]


def test_a_continued_thread_is_named() -> None:
    continued = {**LEFT, "threads": [[7, 70, "python3", "S"], [8, 80, "python3", "S"]]}
    expected = ("threads: python3 (8) was in state T, is in S",)
    assert differences("threads", THREADS, continued) == expected


@pytest.mark.parametrize(("name", "planted", "found"), WHOLE)
def test_whole_witness_has_no_differences(name: str, planted: Any, found: Any) -> None:
    assert differences(name, planted, found) == ()


@pytest.mark.parametrize(("name", "planted", "found", "text"), BROKEN)
def test_broken_witness_is_named(name: str, planted: Any, found: Any, text: str) -> None:
    found_differences = differences(name, planted, found)
    assert len(found_differences) == 1
    assert found_differences[0].startswith(f"{name}: ")
    assert text in found_differences[0]


SERVED = {"bytes": 8, "crc": 5, "server": {"pid": 9, "starttime": 1}}
BELOW = {"bytes": 8, "crc": 5}


def test_workload_that_is_whole_has_no_differences() -> None:
    found = {**SERVED, "below": BELOW, "writes": True}
    assert differences("workload fuse-dirty", SERVED, found) == ()
    assert differences("workload swap-on-loop-on-fuse", SERVED, {**SERVED, "swapped": 3}) == ()


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"crc": 6}, "crc was 5, is 6"),
        ({"server": {"pid": 10, "starttime": 2}}, "server was"),
        ({"below": {"bytes": 0, "crc": 0}}, "its server has 0 bytes"),
        ({"writes": False}, "does not come back"),
    ],
)
def test_workload_that_is_not_whole_says_what(changed: dict[str, Any], word: str) -> None:
    found = {**SERVED, "below": BELOW, "writes": True, **changed}
    [text] = differences("workload nbd-netlink", SERVED, found)
    assert word in text
