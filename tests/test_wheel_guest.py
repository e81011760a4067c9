"""A project of somebody's own, with hibtest from a wheel: its runs, what is told, and once more."""

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

import pytest

from hibtest import images
from hibtest.evidence import read_json
from hibtest.job import Job
from tests.wheels import Installed

pytestmark = pytest.mark.guest

PYTEST = ("-m", "pytest", "--strict-markers", "--strict-config", "-W", "error", "--tb=short")


def properties(case: ElementTree.Element) -> Mapping[str, str]:
    found = case.iterfind("properties/property")
    return {one.attrib["name"]: one.attrib["value"] for one in found}


@pytest.mark.parametrize(
    "words",
    [
        pytest.param((), id="alone"),
        pytest.param(("-n", "2"), id="xdist", marks=pytest.mark.wide),
    ],
)
def test_pytest_tells_what_run_would(
    installed: Installed, project: Path, words: tuple[str, ...]
) -> None:
    images.build(["trixie"])
    asked = (*PYTEST, "--junit-xml", "junit.xml", "--hib-no-proof", *words)
    done = installed.run("python", *asked, cwd=project)
    assert "1 failed, 1 passed" in done.stdout, done.stdout + done.stderr
    assert "wrong: REFUSED (ENODEV), expected RESUMED" in done.stdout
    assert f"evidence: {project}/runs/wrong/1" in done.stdout
    cases = {
        case.attrib["name"]: case
        for case in ElementTree.parse(project / "junit.xml").iter("testcase")  # noqa: S314
    }
    good, bad = cases["test_mine[mine]"], cases["test_mine[wrong]"]
    assert properties(good)["outcome"] == properties(bad)["outcome"] == "REFUSED"
    assert properties(good)["run"] == f"{project}/runs/mine/1"
    assert {"kernel", "qemu", "accel", "reason"} <= properties(good).keys()
    [failure] = bad.iterfind("failure")
    assert "expected RESUMED" in (failure.text or "")
    assert "runs/wrong/1" in (failure.text or "")
    if not words:
        _made_again(project, installed)


def _made_again(project: Path, installed: Installed) -> None:
    """Check that rerun.sh of a run that pytest made works from elsewhere, and as it was."""
    script = project / "runs" / "mine" / "1" / "rerun.sh"
    elsewhere = project / "elsewhere"
    elsewhere.mkdir()
    done = subprocess.run(
        [shutil.which("sh") or "sh", script], cwd=elsewhere, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert re.search(r"mine +REFUSED", done.stdout)
    assert list(elsewhere.iterdir()) == []
    first, second = (read_json(project / f"runs/mine/{n}/job.json", Job) for n in (1, 2))
    assert (second.scenario, second.kernel, second.proof) == (first.scenario, first.kernel, False)
    assert f"{installed.bin}/python" in script.read_text()
