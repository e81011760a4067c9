import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hibtest.deadline import Deadline, DeadlineExpired, wait_readable
from hibtest.errors import GuestError, HostError
from hibtest.reach import listener
from hibtest.reach.console import Console

Line = tuple[Console, socket.socket]


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    """A console and the guest's end of its line."""
    ours, guests = socket.socketpair()
    with ours, guests, Console(ours, tmp_path / "console.log") as console:
        yield console, guests


def soon(what: str = "the line") -> Deadline:
    return Deadline.after(10, what)


def passed() -> Deadline:
    return Deadline.after(0, "the prompt")


def test_lines_come_whole_and_the_begun_one_is_kept(line: Line) -> None:
    console, guest = line
    guest.sendall(b"one\r\ntwo\r\nthr")
    assert console.lines() == ["one", "two"]
    assert console.partial == "thr"
    assert console.lines() == []
    guest.sendall(b"ee\r\n")
    assert console.lines() == ["three"]
    assert console.partial == ""


def test_what_was_printed_before_comes_first() -> None:
    ours, guest = socket.socketpair()
    with ours, guest, Console(ours, before=b"one\r\ntw") as console:
        assert console.lines() == ["one"]
        guest.sendall(b"o\n")
        console.expect("two", soon())
        assert console.lines() == ["two"]
        assert console.last() == ("one", "two")


def test_last_lines_include_the_begun_one_and_are_limited(line: Line) -> None:
    console, guest = line
    guest.sendall(b"".join(b"line %d\n" % n for n in range(300)) + b"begun")
    assert len(console.lines()) == 300
    assert console.last(3) == ("line 298", "line 299", "begun")
    assert len(console.last(1000)) == 201
    assert console.last(0) == ()


def test_what_would_drive_a_terminal_is_made_visible(line: Line) -> None:
    console, guest = line
    guest.sendall(b"\x1b[2J\x9b\xff\x00 \xc3\xa9\ttab\n")
    assert console.lines() == [r"\x1b[2J\x9b\xff\x00 é" + "\ttab"]


def test_a_character_may_come_in_two_halves(line: Line) -> None:
    console, guest = line
    guest.sendall(b"\xc3")
    assert console.lines() == []
    guest.sendall(b"\xa9\n")
    assert console.lines() == ["é"]


def test_transcript_holds_every_byte_at_once(line: Line, tmp_path: Path) -> None:
    console, guest = line
    guest.sendall(b"\x1b[0mone\r\n\xff")
    console.lines()
    assert (tmp_path / "console.log").read_bytes() == b"\x1b[0mone\r\n\xff"


def test_console_needs_no_transcript() -> None:
    ours, guest = socket.socketpair()
    with ours, guest, Console(ours) as console:
        guest.sendall(b"one\n")
        assert console.lines() == ["one"]


def test_transcript_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    ours, guest = socket.socketpair()
    with ours, guest, pytest.raises(HostError, match=r"none/console\.log: No such file"):
        Console(ours, tmp_path / "none" / "console.log")


def test_full_disk_is_named() -> None:
    ours, guest = socket.socketpair()
    with ours, guest, Console(ours, Path("/dev/full")) as console:
        guest.sendall(b"one\n")
        with pytest.raises(HostError, match="/dev/full: No space left"):
            console.lines()


def test_descriptor_is_readable_when_a_line_was_printed(line: Line) -> None:
    console, guest = line
    assert wait_readable([console.fileno()], passed()) == []
    guest.sendall(b"x\n")
    assert wait_readable([console.fileno()], soon()) == [console.fileno()]
    assert console.lines() == ["x"]
    assert wait_readable([console.fileno()], passed()) == []


def test_descriptor_stays_readable_for_lines_that_expect_has_read(line: Line) -> None:
    console, guest = line
    guest.sendall(b"one\ntwo\n")
    console.expect("two", soon())
    assert wait_readable([console.fileno()], soon()) == [console.fileno()]
    assert console.lines() == ["one", "two"]


def test_descriptor_is_readable_at_the_end(line: Line) -> None:
    console, guest = line
    guest.close()
    assert wait_readable([console.fileno()], soon()) == [console.fileno()]
    assert console.lines() == []
    assert console.eof


def test_guest_is_not_held_up_while_nobody_asks(line: Line, tmp_path: Path) -> None:
    console, guest = line
    guest.settimeout(10)
    for _ in range(100_000):  # byte by byte as QEMU does; a socket holds a few hundred such
        guest.send(b"x")
    guest.sendall(b"\n")
    assert wait_readable([console.fileno()], soon())
    assert "".join(console.lines()) == "x" * 100_000
    assert (tmp_path / "console.log").stat().st_size == 100_001


def test_a_line_without_end_becomes_several(line: Line) -> None:
    console, guest = line
    guest.sendall(b"a" * 100_000 + b"\n" + b"b" * 16384 + b"\n" + b"c" * 20_000)
    lines = console.lines()
    assert [len(text) for text in lines] == [*[16384] * 6, 100_000 - 6 * 16384, 16384, 16384]
    assert console.partial == "c" * (20_000 - 16384)
    guest.sendall(b"c" * 12767 + b"\nend\n")
    assert console.lines() == ["c" * 16383, "end"]


def test_expect_finds_what_comes_behind_a_line_without_end(line: Line) -> None:
    console, guest = line
    guest.sendall(b"x" * 50_000 + b"ready\n")
    assert console.expect("ready\n", soon()).group() == "ready\n"


def test_memory_is_bounded_when_nobody_takes(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    console, guest = line
    monkeypatch.setattr(listener, "_MOST", 1 << 20)
    sent = threading.Thread(target=guest.sendall, args=(b"y" * (4 << 20) + b"\nlast\n",))
    sent.start()
    assert wait_readable([console.fileno()], soon())
    sent.join(1.0)
    assert sent.is_alive()  # it has to wait
    assert len(console._listener._bytes) <= (1 << 20) + 65536
    found: list[str] = []
    while not found or found[-1] != "last":
        assert wait_readable([console.fileno()], soon())
        found += console.lines()
    sent.join()
    assert sum(map(len, found[:-1])) == 4 << 20


def test_closing_ends_the_thread_and_leaves_the_socket() -> None:
    before = threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))
    ours, guest = socket.socketpair()
    with ours, guest:
        with Console(ours) as console:
            assert threading.active_count() > before[0]
        console.close()
        guest.sendall(b"still there")
        assert ours.recv(100) == b"still there"
    assert (threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))) == before


def test_end_is_seen_after_everything_was_read(line: Line) -> None:
    console, guest = line
    guest.sendall(b"last words\ncut o")
    guest.close()
    assert console.lines() == ["last words"]
    assert console.eof
    assert console.last() == ("last words", "cut o")
    assert console.lines() == []


def test_expected_text_is_found_and_still_comes_as_a_line(line: Line) -> None:
    console, guest = line
    guest.sendall(b"noise\nhibtest: ready 5.25\nmore\n")
    match = console.expect(r"hibtest: ready (\S+)", soon())
    assert isinstance(match, re.Match)
    assert match[1] == "5.25"
    assert console.lines() == ["noise", "hibtest: ready 5.25", "more"]


def test_expect_goes_on_behind_the_last_match(line: Line) -> None:
    console, guest = line
    guest.sendall(b"a1 a2")
    assert console.expect(r"a\d", soon())[0] == "a1"
    assert console.expect(r"a\d", soon())[0] == "a2"
    with pytest.raises(DeadlineExpired):
        console.expect(r"a\d", passed())


def test_expect_sees_the_begun_line_but_no_line_that_was_returned(line: Line) -> None:
    console, guest = line
    guest.sendall(b"old prompt\n# ")
    assert console.lines() == ["old prompt"]
    assert console.expect("# ", soon())[0] == "# "
    with pytest.raises(DeadlineExpired):
        console.expect("prompt", passed())


def test_expired_deadline_brings_the_last_lines(line: Line) -> None:
    console, guest = line
    guest.sendall(b"".join(b"line %d\n" % n for n in range(30)) + b"stuck her")
    with pytest.raises(DeadlineExpired, match="the prompt did not come") as caught:
        console.expect("never", Deadline.after(0.05, "the prompt"))
    lines = "\n".join(caught.value.__notes__).splitlines()
    assert lines[0] == "last lines of the console:"
    assert lines[-1] == "stuck her"
    assert len(lines) == 21


def test_closed_console_is_the_guests_fault_and_brings_the_last_lines(line: Line) -> None:
    console, guest = line
    guest.sendall(b"Kernel panic\n")
    guest.close()
    with pytest.raises(GuestError, match="console closed before the prompt came") as caught:
        console.expect("never", Deadline.after(10, "the prompt"))
    assert "Kernel panic" in caught.value.__notes__[0]


def test_text_is_found_that_came_just_before_the_end(line: Line) -> None:
    console, guest = line
    guest.sendall(b"reboot: Power down")
    guest.close()
    assert console.expect("Power down", soon())[0] == "Power down"


def test_typed_line_reaches_the_guest(line: Line) -> None:
    console, guest = line
    console.send("echo é")
    assert guest.recv(100) == "echo é\n".encode()


def test_guest_that_is_gone_takes_no_input(line: Line) -> None:
    console, guest = line
    guest.close()
    with pytest.raises(GuestError, match="took no input: Broken pipe"):
        console.send("x")


def test_guest_that_reads_nothing_does_not_hold_us(line: Line) -> None:
    console, _ = line
    with pytest.raises(GuestError, match="input"):
        console.send("x" * 10_000_000)
