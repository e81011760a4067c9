"""The probe in a guest: shipped once, as a zipapp, and asked."""

from collections.abc import Iterator
from typing import Any

from hibtest import zipapp
from hibtest.cycle import answers
from hibtest.deadline import Deadline
from hibtest.errors import GuestError
from hibtest.probe.examiner import PORT
from hibtest.reach.shell import NobodyListens, Result, Shell

PATH = "/run/hibtest-probe.pyz"


class Probe:
    """The probe, through a shell in its guest.

    :param patience: How many times longer than on an idle machine the guest may take.
    :param shipped: Whether it is in the guest; if not, the first command takes it there.
    """

    def __init__(self, shell: Shell, patience: float, *, shipped: bool = False) -> None:
        self.shell = shell
        self._patience = patience
        self._shipped = shipped

    def run(self, command: str, deadline: Deadline, *, check: bool = True) -> Result:
        """Have a new Python carry out a command to its end; see :meth:`Shell.run`."""
        text, program = self._text(command), b""
        if not self._shipped:
            # in one go: every command is a few processes, and the guest may be an emulated one
            text, program = f"cat >{PATH} && {text}", zipapp.probe()
        result = self.shell.run(text, deadline, check=check, stdin=program)
        self._shipped = True
        return result

    def ask(self, command: str, deadline: Deadline) -> dict[str, Any]:
        """Have a new Python carry out a command; return its one answer.

        :raise GuestError: When it cannot.
        """
        result = self.run(command, deadline, check=False)
        answer = answers.only(result, command)
        if result.status:
            raise GuestError(f"the probe's {command} ended with status {result.status}")
        return answer

    def stream(self, command: str, deadline: Deadline) -> Iterator[dict[str, Any]]:
        """Yield the answers to a command as they come.

        The examiner, which the probe left in the guest, is quicker than a new Python; a guest that
        has lost it is asked without.

        :raise GuestError: When the probe could not carry out the command.
        """
        try:
            yield from self._examined(command, deadline)
        except NobodyListens:
            for line in self.shell.stream(self._text(command), deadline):
                yield answers.told(line, command)

    def _examined(self, command: str, deadline: Deadline) -> Iterator[dict[str, Any]]:
        for line in self.shell.ask(PORT, command, deadline):
            answer = answers.told(line, command)
            if "status" in answer:
                return
            yield answer
        raise GuestError(
            f"the probe's {command} broke off; /run/hibtest/examiner.log in the guest says why"
        )

    def _text(self, command: str) -> str:
        # -ISB: no site, no bytecode: every import counts under TCG
        return f"HIBTEST_PATIENCE={self._patience:g} python3 -ISB {PATH} {command}"
