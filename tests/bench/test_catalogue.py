"""Scenarios of somebody's own: found, or told what is wrong with their file."""

from pathlib import Path

import pytest

from hibtest.bench.catalogue import OWN, scenarios
from hibtest.errors import SpecError

FILE = """
from beside import NAME
from hibtest.spec import GuestSpec, Scenario
SCENARIOS = (Scenario(name=NAME, guest=GuestSpec(kernel="trixie")),)
"""


def write(path: Path, text: str = FILE, name: str = "mine") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    (path.parent / "beside.py").write_text(f"NAME = {name!r}\n")
    return path


def test_a_file_or_a_directory_with_what_lies_beside(tmp_path: Path) -> None:
    file = write(tmp_path / "deep" / "test_mine.py")
    assert [one.name for one in scenarios([file])] == ["mine"]
    assert [one.name for one in scenarios([tmp_path])] == ["mine"]
    assert [one.name for one in scenarios([tmp_path, file])] == ["mine"]


def test_files_without_scenarios_are_not_even_loaded(tmp_path: Path) -> None:
    write(tmp_path / "test_mine.py")
    (tmp_path / "test_other.py").write_text("raise SystemExit(3)\n")
    assert [one.name for one in scenarios([tmp_path])] == ["mine"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (FILE.replace("kernel=", "kernal="), r"test_mine.py:4: TypeError: .*'kernal'"),
        (FILE.replace("=NAME", "='A b'"), r"test_mine.py: scenario name 'A b'"),
        ("SCENARIOS = (\n", r"test_mine.py:1: SyntaxError"),
        ("SCENARIOS = [1]\n", r"test_mine.py: SCENARIOS is not a tuple of scenarios"),
        ("import nowhere  # SCENARIOS\n", r"test_mine.py:1: ModuleNotFoundError"),
        ("SCENARIOS = ()\n", "no scenarios"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_with_its_line(
    tmp_path: Path, text: str, said: str
) -> None:
    file = write(tmp_path / "test_mine.py", text)
    with pytest.raises(SpecError, match=said):
        scenarios([file])


def test_a_place_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="nowhere: no such file or directory"):
        scenarios([tmp_path / "nowhere"])


def test_a_name_that_two_have(tmp_path: Path) -> None:
    files = [write(tmp_path / "a" / "test_a.py"), write(tmp_path / "b" / "test_b.py")]
    with pytest.raises(SpecError, match="two scenarios are called mine"):
        scenarios(files)


def test_hibtests_own_have_a_name_beside_others(tmp_path: Path) -> None:
    """As it stands in a file of settings: seen from there."""
    file = write(tmp_path / "test_mine.py")
    assert scenarios([tmp_path / OWN]) == scenarios()
    assert scenarios([file, Path(OWN)])[1:] == scenarios()
    write(tmp_path / OWN / "test_other.py", FILE.replace("=NAME", "='other'"))
    assert [one.name for one in scenarios([tmp_path / OWN])] == ["other"]
