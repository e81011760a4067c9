"""Files of one's own: kept with the run, and taken from there when it is made again."""

from dataclasses import replace
from pathlib import Path

import pytest

from hibtest.bench import own_files
from hibtest.errors import HibtestError, SpecError
from hibtest.spec import MuchMemory, Run, Scenario
from tests.cycle.jobs import ONE


def with_files(*files: Path) -> Scenario:
    own = Run(label="ours", start="true", check="true", files=tuple(map(str, files)))
    return replace(ONE, workloads=(MuchMemory(), own))


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "program"
    path.write_text("#!/bin/sh")
    return path


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    return tmp_path / "run"


def test_they_are_kept_and_found_there(program: Path, run: Path) -> None:
    scenario = with_files(program)
    again = own_files.keep(scenario, own_files.read(scenario), run)
    program.unlink()
    assert again == own_files.kept(scenario, run) == with_files(run / "own/program")
    assert (run / "own/program").read_text() == "#!/bin/sh"


def test_without_files_nothing_is_kept(run: Path) -> None:
    assert own_files.keep(ONE, own_files.read(ONE), run) == ONE
    assert list(run.iterdir()) == []


def test_one_that_is_not_there_is_named_before_anything_boots() -> None:
    with pytest.raises(HibtestError, match="/no/such/program"):
        own_files.read(with_files(Path("/no/such/program")))


def test_two_of_a_name_are_refused(program: Path) -> None:
    other = program.with_name("elsewhere") / "program"
    other.parent.mkdir()
    other.touch()
    with pytest.raises(SpecError, match="two files are called program"):
        own_files.read(with_files(program, other))


def test_a_run_of_somebody_else_names_no_file_of_this_machine(program: Path, run: Path) -> None:
    with pytest.raises(SpecError, match="own/program: no file of that run"):
        own_files.kept(with_files(program), run)
    (run / "own").mkdir()
    (run / "own/program").symlink_to(program)
    with pytest.raises(SpecError, match="no file of that run"):
        own_files.kept(with_files(program), run)


def test_nor_by_its_directory(program: Path, run: Path) -> None:
    (run / "own").symlink_to(program.parent)
    with pytest.raises(SpecError, match="no file of that run"):
        own_files.kept(with_files(program), run)


def test_what_nobody_would_put_into_a_guest_is_refused(tmp_path: Path) -> None:
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate((64 << 20) + 1)
    with pytest.raises(SpecError, match="too much to put into a guest"):
        own_files.read(with_files(large))
