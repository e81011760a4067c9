import os
import threading
from pathlib import Path

import pytest

from hibtest.deadline import Deadline, DeadlineExpired, poll
from hibtest.errors import GuestError, HostError
from hibtest.reach.shell import NobodyListens, Shell, connect
from tests.reach.limits import notes, short, soon
from tests.reach.sshd import Sshd, key_at, listener, public, sshd

# connecting


def test_server_that_comes_up_late_is_waited_for(tmp_path: Path) -> None:
    with listener() as reserved:
        port = reserved.getsockname()[1]
    host_key = public(key_at(tmp_path / "host"))
    key_at(tmp_path / "id")
    connected: list[Shell] = []
    thread = threading.Thread(
        target=lambda: connected.append(connect(port, tmp_path / "id", host_key, soon()))
    )
    thread.start()
    with sshd(tmp_path, listener(port)):
        thread.join()
        with connected[0] as shell:
            assert shell.run("echo up", soon()).stdout == "up\n"


def test_port_that_refuses_is_named_with_the_last_reason(tmp_path: Path) -> None:
    key_at(tmp_path / "id")
    host = key_at(tmp_path / "host")
    with listener() as closed:
        port = closed.getsockname()[1]
    with pytest.raises(DeadlineExpired, match="the SSH server did not come") as caught:
        connect(port, tmp_path / "id", public(host), short("the SSH server"))
    assert f"last try to reach port {port}: " in notes(caught.value)
    assert "refused" in notes(caught.value)


def test_nobody_waits_for_the_server_of_a_machine_that_is_gone(tmp_path: Path) -> None:
    key_at(tmp_path / "id")
    host = key_at(tmp_path / "host")
    with listener() as closed:
        port = closed.getsockname()[1]
    looks = iter([False, True])
    with pytest.raises(GuestError, match=f"the machine is gone; port {port}: "):
        connect(port, tmp_path / "id", public(host), soon(), gone=lambda: next(looks))


def test_server_that_keeps_silent_does_not_hold_us(tmp_path: Path) -> None:
    key_at(tmp_path / "id")
    host = key_at(tmp_path / "host")
    before = threading.active_count()
    with listener() as silent:
        port, pinned = silent.getsockname()[1], public(host)
        with pytest.raises(DeadlineExpired, match="the SSH server"):
            connect(port, tmp_path / "id", pinned, short("the SSH server"))
    assert threading.active_count() == before


def test_stranger_is_refused_with_both_fingerprints(server: Sshd, tmp_path: Path) -> None:
    other = key_at(tmp_path / "other")
    pinned = public(other)
    with pytest.raises(GuestError) as caught:
        connect(server.port, tmp_path / "id", pinned, soon())
    assert other.fingerprint in str(caught.value)
    assert server.host.fingerprint in str(caught.value)
    assert str(server.port) in str(caught.value)


def test_refused_key_is_an_error_at_once(server: Sshd, tmp_path: Path) -> None:
    wrong = key_at(tmp_path / "wrong")
    with pytest.raises(GuestError, match="refuses root's SSH key") as caught:
        connect(server.port, tmp_path / "wrong", server.host_key, soon())
    assert wrong.fingerprint in str(caught.value)


def test_keys_that_cannot_be_read_are_named(server: Sshd, tmp_path: Path) -> None:
    with pytest.raises(HostError, match=r"none: No such file"):
        connect(server.port, tmp_path / "none", server.host_key, soon())
    (tmp_path / "text").write_text("no key")
    with pytest.raises(HostError, match=r"text: no Ed25519 key"):
        connect(server.port, tmp_path / "text", server.host_key, soon())
    with pytest.raises(HostError, match="pinned host key 'ssh-ed25519'"):
        connect(server.port, tmp_path / "id", "ssh-ed25519", soon())


def test_nothing_is_left_behind(server: Sshd, tmp_path: Path) -> None:
    def left() -> int:
        return threading.active_count() + len(list(Path("/proc/self/fd").iterdir()))

    before = left()
    with connect(server.port, tmp_path / "id", server.host_key, soon()) as shell:
        shell.run("true", soon())
        assert left() > before
    server.die()
    poll(lambda: left() <= before or None, soon("the server's end of it all"))


# commands


def test_command_gives_status_and_both_outputs(shell: Shell) -> None:
    result = shell.run("echo out; echo err >&2; exit 3", soon(), check=False)
    assert (result.status, result.stdout, result.stderr) == (3, "out\n", "err\n")


def test_argv_is_quoted(shell: Shell) -> None:
    assert shell.run(["printf", "%s|", "a b", "$HOME", "'"], soon()).stdout == "a b|$HOME|'|"


def test_failed_command_is_an_error_that_says_it_all(shell: Shell) -> None:
    with pytest.raises(GuestError) as caught:
        shell.run("echo first >&2; echo no such swap >&2; exit 7", soon())
    assert "status 7: no such swap" in str(caught.value)
    assert "echo first" in str(caught.value)
    assert notes(caught.value) == "first\nno such swap"


def test_much_output_on_both_streams_does_not_stall(shell: Shell) -> None:
    script = "head -c 5000000 /dev/zero | tr '\\0' e >&2; head -c 5000000 /dev/zero | tr '\\0' o"
    result = shell.run(script, soon())
    assert (len(result.stdout), len(result.stderr)) == (5_000_000, 5_000_000)


def test_bytes_that_are_no_text_are_shown(shell: Shell) -> None:
    assert shell.run(r"printf '\377é'", soon()).stdout == r"\xffé"


def test_command_that_reads_gets_an_end_of_file(shell: Shell) -> None:
    assert shell.run("cat", soon()).stdout == ""
    assert shell.run("cat", soon(), stdin=b"in").stdout == "in"


def test_command_killed_by_a_signal_is_said(shell: Shell) -> None:
    with pytest.raises(GuestError, match="without a status: killed by a signal"):
        shell.run("kill -9 $$", soon())


def test_stalled_command_names_the_last_line_and_the_connection_lives_on(shell: Shell) -> None:
    with pytest.raises(DeadlineExpired, match="the audit did not come within") as caught:
        shell.run("echo one; echo two; exec sleep 1000", Deadline.after(3, "the audit"))
    assert notes(caught.value) == "last line seen: two"
    assert shell.run("echo alive", soon()).stdout == "alive\n"


def test_json_is_decoded_and_anything_else_is_an_error(shell: Shell) -> None:
    assert shell.run_json("""echo '{"a": [1, null]}'""", soon()) == {"a": [1, None]}
    with pytest.raises(GuestError, match=r"printed no JSON: .*Traceback"):
        shell.run_json("echo Traceback", soon())


# streams


def test_lines_come_as_they_are_printed(shell: Shell, tmp_path: Path) -> None:
    go = tmp_path / "go"
    os.mkfifo(go)
    lines = shell.stream(f"echo one; cat {go}; echo three; printf four", soon())
    assert next(lines) == "one"
    go.write_text("two\n")  # only now can the command go on
    assert list(lines) == ["two", "three", "four"]


def test_failed_stream_is_an_error_after_its_last_line(shell: Shell) -> None:
    lines = shell.stream("echo one; echo broken >&2; exit 5", soon())
    assert next(lines) == "one"
    with pytest.raises(GuestError, match="status 5: broken"):
        next(lines)


def test_stalled_stream_names_the_last_line(shell: Shell) -> None:
    lines = shell.stream("echo one; echo two; exec sleep 1000", Deadline.after(3, "the audit"))
    assert [next(lines), next(lines)] == ["one", "two"]
    with pytest.raises(DeadlineExpired, match="the audit") as caught:
        next(lines)
    assert notes(caught.value) == "last line seen: two"


# files


def test_port_of_the_guest_answers_in_lines_until_it_hangs_up(shell: Shell) -> None:
    with listener() as serving:

        def serve() -> None:
            connection, _ = serving.accept()
            with connection, connection.makefile("rw") as lines:
                lines.write(f"{lines.readline().strip()}?\nyes\n")

        thread = threading.Thread(target=serve)
        thread.start()
        assert list(shell.ask(serving.getsockname()[1], "well", soon())) == ["well?", "yes"]
        thread.join()


def test_port_of_the_guest_that_nobody_listens_on_is_said(shell: Shell) -> None:
    with listener() as closed:
        port = closed.getsockname()[1]
    with pytest.raises(NobodyListens, match=f"port {port} of the guest"):
        list(shell.ask(port, "well", soon()))
    assert shell.run("echo on", soon()).stdout == "on\n"


def test_port_of_the_guest_that_keeps_silent_does_not_hold_us(shell: Shell) -> None:
    with listener() as silent, pytest.raises(DeadlineExpired):
        list(shell.ask(silent.getsockname()[1], "well", short()))


def test_pushed_file_is_whole_and_has_its_mode(shell: Shell, tmp_path: Path) -> None:
    data = os.urandom(3_000_000)
    path = tmp_path / "a file"
    shell.push(data, str(path), 0o750, soon())
    assert path.read_bytes() == data
    assert path.stat().st_mode & 0o7777 == 0o750
    assert not Path(f"{path}.part").exists()


def test_empty_file_can_be_pushed(shell: Shell, tmp_path: Path) -> None:
    shell.push(b"", str(tmp_path / "empty"), 0o644, soon())
    assert (tmp_path / "empty").read_bytes() == b""


def test_file_that_cannot_be_stored_says_why(shell: Shell, tmp_path: Path) -> None:
    with pytest.raises(GuestError, match=r"status 2: .*nonexistent"):
        shell.push(b"x" * 5_000_000, str(tmp_path / "none" / "file"), 0o644, soon())


def test_file_that_did_not_fit_does_not_appear(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "file"
    Path(f"{path}.part").symlink_to("/dev/full")
    with pytest.raises(GuestError, match="No space left"):
        shell.push(b"x" * 100_000, str(path), 0o644, soon())
    assert not path.exists()


# ends


def test_detached_command_outlives_the_connection(server: Sshd, tmp_path: Path) -> None:
    go, out = tmp_path / "go", tmp_path / "out"
    os.mkfifo(go)
    with connect(server.port, tmp_path / "id", server.host_key, soon()) as shell:
        shell.detach(f"read word <{go}; echo $word >{out}.part; mv {out}.part {out}", soon())
    server.die()
    go.write_text("done\n")
    assert poll(lambda: out.exists() or None, soon("the detached command's file"))
    assert out.read_text() == "done\n"


def test_machine_that_dies_ends_its_command_with_an_error(server: Sshd, shell: Shell) -> None:
    lines = shell.stream("echo one; exec sleep 1000", soon())
    assert next(lines) == "one"
    server.die()
    with pytest.raises(GuestError, match="connection was lost"):
        next(lines)
    with pytest.raises(GuestError, match="SSH connection to the guest failed"):
        shell.run("true", soon())
    assert not shell.alive
    shell.close()


def test_guest_that_is_stuck_does_not_hold_us(server: Sshd, shell: Shell) -> None:
    server.stuck = True
    with pytest.raises(DeadlineExpired, match="the command's end"):
        shell.run("true", short())
    shell.close()
    assert not shell.alive


def test_closing_twice_is_fine(shell: Shell) -> None:
    shell.close()
    shell.close()
    assert not shell.alive


def test_library_is_silent(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    key_at(tmp_path / "id")
    host = key_at(tmp_path / "host")
    with listener() as noisy:

        def babble() -> None:
            link, _ = noisy.accept()
            with link:
                link.sendall(b"HTTP/1.0 400 Bad Request\r\n" * 200)

        thread = threading.Thread(target=babble)
        thread.start()
        with pytest.raises(DeadlineExpired):
            connect(
                noisy.getsockname()[1],
                tmp_path / "id",
                public(host),
                short("the SSH server"),
            )
        thread.join()
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []
