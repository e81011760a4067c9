import subprocess

import pytest

from hibtest.errors import HostError
from hibtest.machine.guard import guarded


def test_guarded_command_keeps_its_words_and_its_status() -> None:
    done = subprocess.run(
        guarded(("sh", "-c", 'echo "$1"; exit 7', "sh", "a  b")),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.returncode) == ("a  b\n", 7)


def test_command_whose_parent_has_died_is_not_run() -> None:
    # As init would see it: a shell in between stands for the parent that is not ours.
    done = subprocess.run(
        ["sh", "-c", '"$@"; exit $?', "sh", *guarded(("echo", "ran"))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.returncode) == ("", 125)


def test_missing_setpriv_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(HostError, match="apt install util-linux"):
        guarded(("true",))


def test_guarded_command_has_fewer_rights() -> None:
    argv = guarded(("cat", "/proc/self/status"))
    text = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    status = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
    dac_override = 1 << 1
    assert status["NoNewPrivs"] == "1"
    assert int(status["CapEff"], 16) & ~dac_override == 0
    assert int(status["CapPrm"], 16) & ~dac_override == 0
