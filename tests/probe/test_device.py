"""The probe's way to drive /dev/snapshot, as far as it goes without the device."""

import os
import socket
import struct

import pytest

from hibtest.linux.pages import PAGE
from hibtest.probe.base import ProbeError
from hibtest.probe.snapshotdev import stream
from hibtest.probe.snapshotdev.server import said
from hibtest.probe.snapshotdev.session import VERBS, Session, check


def real() -> tuple[bytes, bytes]:
    info = bytearray(PAGE)
    struct.pack_into("<Q", info, 24, 0x23456789ABCDEF02)
    struct.pack_into("<QiQQQ", info, 400, 131072, 0, 25000, 25050, 25050 * PAGE)
    frames = struct.pack("<512Q", *range(100, 611), 1 << 63 | 7)
    return bytes(info), frames[8:] + frames[:8]


def test_a_tiny_stream_says_that_it_is_four_pages_long() -> None:
    info, frames = real()
    pages = stream.tiny(info, frames)
    assert all(len(page) == PAGE for page in pages.values())
    assert struct.unpack_from("<QQQ", pages["info"], 416) == (2, 4, 4 * PAGE)
    assert pages["info"][:416] == info[:416]
    assert struct.unpack_from("<4Q", pages["frames"]) == (101, 102, stream.END, 0)


def test_frames_of_a_tiny_stream_have_data() -> None:
    info, _ = real()
    frames = struct.pack("<2Q", stream.ZERO | 5, 6).ljust(PAGE, b"\0")
    assert struct.unpack_from("<2Q", stream.tiny(info, frames)["frames"]) == (5, 6)


def test_a_spoilt_first_page_differs_in_one_byte() -> None:
    pages = stream.tiny(*real())
    for name in ("info-magic", "info-e820", "info-memory"):
        differing = [at for at in range(PAGE) if pages[name][at] != pages["info"][at]]
        assert len(differing) == 1
    assert stream.is_info(pages["info"])
    assert not stream.is_info(pages["info-magic"])
    assert not stream.is_info(b"")


def test_answers_are_numbers_words_or_errnos() -> None:
    session = Session()
    assert session.do("FREEZE") == "EBADF"
    assert session.do("read 4096") == "EBADF"
    assert session.do("see /sys/none") == "ENOENT"
    assert session.do("change MemTotal") == 0
    assert session.do("change MemTotal") == 0


def test_a_process_is_followed_through_its_states() -> None:
    session = Session()
    steps = ["start a", "signal a SIGSTOP", "becomes a T", "reported a", "reported a"]
    assert [session.do(step) for step in steps] == ["S", 0, "T", "stopped", "nothing"]
    session.end()
    with pytest.raises(ProcessLookupError):
        os.kill(session.helpers["a"].pid, 0)


@pytest.mark.parametrize("step", ["", "freeze", "SNAPSHOT_FREEZE", "number 1"])
def test_unknown_steps_are_refused_before_anything_is_done(step: str) -> None:
    with pytest.raises(ProbeError, match="no such step"):
        check(["open r", step])


def test_every_verb_is_a_method() -> None:
    assert [verb for verb in VERBS if not callable(getattr(Session, verb, None))] == []


def test_the_kernel_log_is_read_to_its_end() -> None:
    ours, kernels = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, kernels:
        ours.setblocking(False)
        kernels.send(b"4,339,5140900,-;WARNING: a; b\n SUBSYSTEM=x\n")
        kernels.send(b"6,340,5140901,-;second\n")
        assert list(said(ours.fileno())) == ["WARNING: a; b", "second"]
