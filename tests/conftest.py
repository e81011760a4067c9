"""What all tests start from."""

import signal
from pathlib import Path

import pytest

from tests.commands import Command, command
from tests.host import Host, pretended
from tests.wheels import Installed, install

MINE = """
from hibtest.spec import Expected, GuestSpec, Outcome, Scenario

SCENARIOS = (
    Scenario(
        name="mine",
        guest=GuestSpec(kernel="trixie"),
        layout=(),
        expected=Expected(outcome=Outcome.REFUSED, cause="ENODEV"),
        tags=("smoke", "wide"),
    ),
    Scenario(name="wrong", guest=GuestSpec(kernel="trixie", vcpus=1), layout=()),
)


def test_mine(hib_verdict):
    assert hib_verdict.as_expected, str(hib_verdict)
"""


def pytest_configure() -> None:
    """Have Ctrl-C mean something to the programs that are started and interrupted here.

    A shell that runs us in the background has it ignored, and that is inherited.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """hibtest from a wheel."""
    return install(tmp_path_factory.mktemp("wheel"))


@pytest.fixture
def hibtest(capsys: pytest.CaptureFixture[str]) -> Command:
    """The command line: ``hibtest("judge", run).status``."""
    return command(capsys)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    """A host on which scenarios can be run, and nothing is: tests/host.py."""
    return pretended(tmp_path / "host", monkeypatch)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Somebody's own repository: with packages of names that once were ours."""
    for name in ("harness", "images", "scenarios"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_mine.py").write_text(MINE)
    return tmp_path
