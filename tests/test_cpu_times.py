"""The picture of how long CPUs take, from logs and evidence."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

import cpu_times
from hibtest.evidence import Boot, Evidence, GuestKernel, Mark, to_json
from hibtest.spec import Role
from tests.story.transcripts import KERNELS, KLOG

LINES = (
    ("vcpus", "[  103.369694] Disabling non-boot CPUs ..."),
    ("cpu-offline", "[  103.522335] smpboot: CPU 2 is now offline"),
    ("cpu-offline", "[  103.566420] smpboot: CPU 1 is now offline"),
    ("enable-vcpus", "[  103.934302] Enabling non-boot CPUs ..."),
    ("cpu-online", "[  104.488860] CPU1 is up"),
)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run's directory."""
    marks = tuple(Mark(name=name, t=1.0, line=line) for name, line in LINES)
    save = Boot(role=Role.SAVE, directory="save", marks=marks)
    kernel = GuestKernel(name="trixie", release="6.12.118", sha256="")
    evidence = Evidence(scenario="a", kernel=kernel, boots=(save,))
    (tmp_path / "evidence.json").write_bytes(to_json(evidence))
    return tmp_path


def test_a_table_has_a_row_for_each_kernel_and_number(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cpu_times.main(["--table", str(run), str(run)]) == 0
    assert capsys.readouterr().out.splitlines()[2:] == [
        "| 6.12.118 | 1 | – | 555 (of 2) |",
        "| 6.12.118 | 2 | 197 (of 2) | – |",
    ]


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_log_is_drawn(kernel: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cpu_times.main([str(KLOG / f"{kernel}-save.log")]) == 0
    picture = ElementTree.fromstring(capsys.readouterr().out)  # noqa: S314 (our own)
    dots = [one for one in picture.iter("{http://www.w3.org/2000/svg}circle") if len(one)]
    ways = [(one[0].text or "").partition(": ")[2].partition(" in ")[0] for one in dots]
    assert ways == ["1 down", "1 up", "1 down"]
    heights = [float(one.attrib["cy"]) for one in dots]
    assert all(30 <= height <= 310 for height in heights)
    assert min(heights) == 30  # the longest


def test_where_no_cpu_was_switched_nothing_is_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log"
    log.write_text("[    1.0] PM: hibernation: hibernation entry\n")
    assert cpu_times.main([str(log)]) == 1
    assert "nothing in which other CPUs" in capsys.readouterr().err
