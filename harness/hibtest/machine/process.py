"""The QEMU process of a machine: started, watched, always ended.

    with start(spec, run / "save") as machine:
        ready = wait_readable([machine.fileno(), machine.monitor.fileno()], deadline)

The directory gets ``argv`` (the command line as it can be pasted: without our wires, with the
console on the terminal), ``console.log``, ``qmp.jsonl`` and ``qemu.stderr``.
"""

import os
import re
import shlex
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from hibtest.deadline import Deadline, DeadlineExpired, wait_readable
from hibtest.errors import HostError, QemuError, SpecError
from hibtest.evidence import Exit
from hibtest.machine.arch import require_firmware
from hibtest.machine.argv import argv
from hibtest.machine.breakpoint import Debugger
from hibtest.machine.debug import Hatch, open_hatch
from hibtest.machine.guard import guarded
from hibtest.machine.memory import GuestMemory, mapped, ram_ranges
from hibtest.machine.migrate import load, save
from hibtest.machine.monitor import Monitor, connect
from hibtest.machine.shape import MachineSpec, Wires
from hibtest.machine.version import find_qemu

_START_LIMIT = 30.0  # s until the monitor answers; 0.3 s on an idle host
_END_LIMIT = 5.0  # s for each way of ending QEMU
# QEMU writes the console byte by byte, and each byte takes the room of a whole socket buffer: the
# default has room for 277. After a few attempts in vain, its serial port drops the byte
# (serial_xmit(), hw/char/serial.c, QEMU 10.0). The kernel cuts this to net.core.wmem_max.
_CONSOLE_BUFFER = 8 << 20
_STDERR_LINES = 20
_STDERR_BYTES = 8192
_FORWARD = re.compile(r"^\s*TCP\[HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)\s", re.MULTILINE)


class Machine:
    """A QEMU process; made by :func:`start`.

    :ivar argv: The command line it was started with.
    :ivar monitor: Its QMP monitor; events are queued from the start.
    :ivar console: The guest's serial console, a connected stream socket. Whoever has the
        machine reads it, and soon: a guest whose console is full waits, and may lose characters.
    :ivar ssh_port: Port of 127.0.0.1 that leads to the guest's port 22.
    :ivar debugger: Stops the guest at breakpoints; ``None`` unless its spec says ``debug``. With
        it, nothing else may stop the guest or let it run.
    :ivar memory: The guest's memory, mapped; ``None`` unless its spec says ``debug``. It is there
        until the machine is left, so also after a power-off.
    """

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        pidfd: int,
        *,
        argv: tuple[str, ...],
        directory: Path,
        monitor: Monitor,
        console: socket.socket,
    ) -> None:
        self.argv = argv
        self.monitor = monitor
        self.console = console
        self.ssh_port = 0
        self.debugger: Debugger | None = None
        self.memory: GuestMemory | None = None
        self._process = process
        self._pidfd = pidfd
        self._directory = directory
        self._ended_by_us = False

    @property
    def pid(self) -> int:
        """QEMU's process id."""
        return self._process.pid

    def fileno(self) -> int:
        """Return a descriptor (a pidfd) that can be read once QEMU has ended."""
        return self._pidfd

    def exit(self) -> Exit | None:
        """Return how QEMU ended, or ``None`` while it runs; does not wait."""
        status = self._process.poll()
        if status is None:
            return None
        returncode = None if self._ended_by_us else status
        return Exit(returncode=returncode, stderr=_stderr(self._directory))

    def wait(self, deadline: Deadline) -> Exit:
        """Wait until QEMU has ended by itself.

        :raise DeadlineExpired: When it still runs at the deadline.
        """
        wait_readable([self._pidfd], deadline)
        exit_ = self.exit()
        if exit_ is None:
            raise DeadlineExpired(deadline)
        return exit_

    def quit(self) -> Exit:
        """End QEMU, by its monitor or else by signals, and return how it ended."""
        for way in (self._ask_to_quit, self._process.terminate, self._process.kill):
            if (exit_ := self.exit()) is not None:
                return exit_
            self._ended_by_us = True
            way()
            wait_readable([self._pidfd], Deadline.after(_END_LIMIT, "QEMU's end"))
        return self.wait(Deadline.after(_END_LIMIT, "the end of a killed QEMU"))

    def save(self, path: Path, deadline: Deadline) -> None:
        """Have the guest stand still, and save the machine to a new file; then end QEMU.

        :raise QemuError: When QEMU cannot save it.
        :raise DeadlineExpired: When it is not done in time.
        """
        if self.debugger is None:
            self.monitor.execute("stop", deadline=deadline)
        else:
            self.debugger.pause(deadline)
        save(self.monitor, path, deadline)
        self.quit()

    def _ask_to_quit(self) -> None:
        with suppress(QemuError, DeadlineExpired):
            self.monitor.execute("quit", deadline=Deadline.after(_END_LIMIT, "QMP quit"))


def error_of(machine_exit: Exit, argv: Sequence[str]) -> QemuError | None:
    """Return the error that an exit amounts to, ``None`` for a good one.

    A QEMU that was ended by a signal, or with a status, says nothing of the guest.
    """
    status = machine_exit.returncode
    if status in {None, 0}:
        return None
    return _failure(status, machine_exit.stderr, argv)


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """A machine that was saved (:meth:`Machine.save`), for another to go on from it.

    :ivar state: The file that it was saved to.
    :ivar console: What its guest had printed before.
    """

    state: Path
    console: bytes


@contextmanager
def start(
    spec: MachineSpec, directory: Path, *, began: float | None = None, saved: Saved | None = None
) -> Iterator[Machine]:
    """Start a machine and end it when the block is left, however it is left.

    QEMU also dies with the *thread* that calls this, even when that is killed: keep the machine
    in the thread that started it.

    :param directory: Gets the machine's files; made when it is not there.
    :param began: ``time.monotonic()`` that is 0 s in ``qmp.jsonl``; now when not given.
    :param saved: What it goes on from, in place of its firmware: one with the same spec, whose
        disks held what this one's hold. ``console.log`` begins with what was printed before.
    :raise SpecError: When the directory holds a machine's files already.
    :raise HostError: When QEMU is not installed or the directory cannot be written.
    :raise QemuError: When QEMU ends, or does not answer, before the guest runs.
    """
    find_qemu(spec.qemu)
    require_firmware(spec.guest.arch, spec.guest.firmware)
    with ExitStack() as stack:
        qmp, qmp_end = stack.enter_context(_socketpair())
        console, console_end = stack.enter_context(_socketpair())
        console_end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _CONSOLE_BUFFER)
        hatch = stack.enter_context(open_hatch(spec.guest.memory_mib)) if spec.debug else None
        wires = Wires(
            qmp_fd=qmp_end.fileno(),
            console_fd=console_end.fileno(),
            console_log=directory.absolute() / "console.log",
            debug=None if hatch is None else hatch.wires,
            loads=saved is not None,
        )
        command = argv(spec, wires)
        _prepare(directory, argv(spec))
        if saved is not None:
            wires.console_log.write_bytes(saved.console)
        process, pidfd = stack.enter_context(_spawned(command, directory, wires))
        qmp_end.close()  # or QEMU's end would never be seen
        console_end.close()
        if hatch is not None:
            hatch.gdb_end.close()
        deadline = Deadline.after(_START_LIMIT, "the answer of QEMU's monitor")
        try:
            monitor = stack.enter_context(
                connect(qmp, directory / "qmp.jsonl", deadline, began=began)
            )
            machine = Machine(
                process, pidfd, argv=command, directory=directory, monitor=monitor, console=console
            )
            stack.callback(machine.quit)
            machine.ssh_port = _ssh_port(monitor, deadline)
            if saved is not None:
                load(monitor, saved.state, deadline)
            if hatch is None:
                monitor.execute("cont", deadline=deadline)
            else:
                stack.enter_context(_looked_into(machine, hatch, deadline))
        except (QemuError, DeadlineExpired) as error:
            raise _start_failure(error, process, pidfd, command, directory) from error
        yield machine


@contextmanager
def _looked_into(machine: Machine, hatch: Hatch, deadline: Deadline) -> Iterator[None]:
    ranges = ram_ranges(machine.monitor, deadline)
    with mapped(hatch.memory_fd, ranges) as machine.memory:
        machine.debugger = Debugger(hatch.gdb)
        machine.debugger.resume(deadline)
        yield


@contextmanager
def _socketpair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, qemus = socket.socketpair()
    with ours, qemus:
        yield ours, qemus


def _prepare(directory: Path, typed: Sequence[str]) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with (directory / "argv").open("x", encoding="utf-8") as file:
            file.write(shlex.join(typed) + "\n")
    except FileExistsError as error:
        raise SpecError(
            f"{directory} holds the files of a machine already", hint="give a new directory"
        ) from error
    except OSError as error:
        raise HostError(f"{directory}: {error.strerror}") from error


@contextmanager
def _spawned(
    command: Sequence[str], directory: Path, wires: Wires
) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    with (directory / "qemu.stderr").open("xb") as stderr:
        process = subprocess.Popen(
            guarded(command),
            stdin=subprocess.DEVNULL,
            stdout=stderr,
            stderr=stderr,
            pass_fds=wires.fds,
            start_new_session=True,  # Ctrl-C is for us: QEMU would quit, and look as if by itself
        )
    try:
        pidfd = os.pidfd_open(process.pid)
        try:
            yield process, pidfd
        finally:
            os.close(pidfd)
    finally:
        process.kill()  # does nothing once it was waited for
        process.wait()


def _ssh_port(monitor: Monitor, deadline: Deadline) -> int:
    # QMP has no command that tells the port that was chosen (QEMU 8.2 to 10.0).
    text = monitor.execute(
        "human-monitor-command", {"command-line": "info usernet"}, deadline=deadline
    )
    found = _FORWARD.search(str(text))
    if found is None:
        raise QemuError(f"QEMU does not tell the port that leads to the guest: {text!r}")
    return int(found[1])


def _start_failure(
    error: QemuError | DeadlineExpired,
    process: subprocess.Popen[bytes],
    pidfd: int,
    command: Sequence[str],
    directory: Path,
) -> QemuError:
    wait_readable([pidfd], Deadline.after(_END_LIMIT, "QEMU's end"))
    status = process.poll()
    if status is None:
        return QemuError(error.message, argv=command, stderr=_stderr(directory))
    return _failure(status, _stderr(directory), command)


def _failure(status: int | None, stderr: str, command: Sequence[str]) -> QemuError:
    end = f"ended with status {status}"
    if status is not None and status < 0:
        end = f"was ended by {signal.Signals(-status).name}"
    said = f": {'; '.join(stderr.splitlines())}" if stderr else ""
    return QemuError(
        f"QEMU {end}{said}; its command was: {shlex.join(command)}",
        argv=command,
        returncode=status,
        stderr=stderr,
    )


def _stderr(directory: Path) -> str:
    with (directory / "qemu.stderr").open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _STDERR_BYTES))
        text = file.read().decode(errors="replace")
    return "\n".join(text.splitlines()[-_STDERR_LINES:])
