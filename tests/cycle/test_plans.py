"""What a scenario comes to, whole, against golden files.

The boots that ``hibtest plan`` prints, the files that are made for them, what the guest is told.
``HIBTEST_UPDATE_GOLDEN=1 pytest tests/cycle/test_plans.py`` writes them anew; look at the
difference before you commit it: a scenario that comes to something else is another scenario.
"""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from hibtest import images
from hibtest.bench import catalogue
from hibtest.cli import plan
from hibtest.cycle import agent
from hibtest.cycle.storage import storage_of
from hibtest.image.place import ImagePlace
from hibtest.spec import (
    AgentMethod,
    Always,
    AtStage,
    Crypt,
    CutPower,
    FailIo,
    Fault,
    GuestFiles,
    GuestSpec,
    Integrity,
    KernelMethod,
    Linear,
    Mode,
    Multipath,
    ResumeSpec,
    Scenario,
    Snapshot,
    Stage,
    Striped,
    SwapDisk,
    SwapFile,
    Thin,
    Volume,
)
from tests.cycle.jobs import files_in

GOLDEN = Path(__file__).parent / "plans"
TRIXIE = GuestSpec(kernel="trixie")
OURS = (
    "agent-trixie-proposal",
    "agent-trixie-freezer-dm-snapshot-server-zstd",
    "agent-trixie-cgroup-fsfreeze-raw-zstd",
    "agent-trixie-failures-swap",
    "agent-trixie-write-error",
    "agent-trixie-page-out",
    "power-cut-trixie-last-map-page",
    "power-cut-trixie-load",
    "baseline-trixie-platform-2cpu",
    "refused-trixie-no-swap",
    "cold-trixie-noresume",
    "cold-trixie-no-image",
    "needed-trixie-fuse-dirty",
    "protect-trixie-dm-snapshot",
    "proof-trixie-lz4-4096mib",
    "swapping-trixie-agent-disk",
    "cpus-trixie-plugged",
    "cpus-trixie-smt-off",
    "stack-trixie-striped",
)
MADE_UP = (
    Scenario(name="three-lives", guest=TRIXIE, lives=3, method=KernelMethod(mode=Mode.SHUTDOWN)),
    Scenario(
        name="own-without-modules",
        guest=GuestSpec(kernel="own", memory_mib=1024, vcpus=2, max_vcpus=4, append=("quiet",)),
        layout=(SwapDisk(size_mib=200),),
        faults=(Fault(when=Always(), what=FailIo(serial="swap", at_mib=64)),),
        resume=ResumeSpec(device="/dev/vdz", noresume=True),
    ),
    Scenario(
        name="swap-file-beside-a-disk",
        guest=TRIXIE,
        layout=(SwapFile(size_mib=300, priority=2), SwapDisk(size_mib=200, priority=7)),
    ),
    Scenario(
        name="swap-on-a-volume-on-luks",
        guest=TRIXIE,
        layout=(SwapDisk(size_mib=300, on=(Crypt(), Volume())),),
    ),
    Scenario(
        name="agent-file-on-luks",
        guest=GuestSpec(kernel="trixie", root=(Linear(),)),
        layout=(SwapFile(size_mib=300, on=(Linear(), Crypt(sector_size=4096))),),
        method=AgentMethod(),
    ),
    Scenario(
        name="root-on-a-thin-stripe-of-paths",
        guest=GuestSpec(kernel="trixie", root=(Multipath(), Striped(), Thin())),
        layout=(SwapDisk(size_mib=300, on=(Integrity(), Snapshot())),),
    ),
    Scenario(
        name="no-swap-at-all",
        guest=TRIXIE,
        layout=(),
        method=AgentMethod(image_size=0, scribble="/x", fail_at="write:kill"),
        faults=(Fault(when=AtStage(stage=Stage.WRITE), what=CutPower()),),
    ),
)


def _scenarios() -> dict[str, Scenario]:
    known = {one.name: one for one in catalogue.scenarios()}
    return {name: known[name] for name in OURS} | {one.name: one for one in MADE_UP}


SCENARIOS = _scenarios()


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GuestFiles:
    """Guest files that are nothing but names, a root disk of 1 MiB apart."""
    plain = files_in(tmp_path, Path("/cache"))
    files = replace(plain, modules=Path("/cache/modules"))

    def of(kernel: str) -> GuestFiles:
        return plain if kernel == "own" else files

    monkeypatch.setattr(images, "guest_files", of)
    monkeypatch.setattr("shutil.which", lambda name, **_: f"/usr/bin/{name}")
    monkeypatch.setattr(plan, "qemu_version", lambda _: "10.0.2")
    return files


def _planned(scenario: Scenario) -> list[str]:
    """Return a plan, one option and its value a line; of later boots, what they do not share."""
    found = plan.planned(scenario, "tcg")
    head = list(plan.plan_lines(found))
    first, lines = len(head) - 2 * len(found.boots), list[str]()
    before: list[str] = []
    for what, command in zip(head[first::2], head[first + 1 :: 2], strict=True):
        options = command.replace(" -", "\n  -").splitlines()
        lines += [what, *(option for option in options if option not in before)]
        before = before or options
    return head[:first] + lines


def _told(scenario: Scenario) -> list[str]:
    """Return what the guest's hibernator is told, and what the kernel of each boot."""
    method = scenario.method
    if isinstance(method, AgentMethod):
        return [" ".join(agent.save_words(method, storage_of(scenario).save_word("10.0.2.2:0")))]
    return [method.mode]


def _made(scenario: Scenario, files: GuestFiles, directory: Path) -> list[str]:
    """Return the files that are made for a scenario, and what the host makes of them."""
    storage = storage_of(scenario)
    storage.make(files, directory)
    made = [_file(path) for path in sorted(directory.rglob("*")) if path.is_file()]
    place = storage.image_in(directory, None)
    compared = [disk.serial for disk in storage.compared(directory)]
    return [
        *(text.replace(str(directory), "") for text in made),
        f"image: {place.path.name}, agent {place.agent}, swap {place.swap}"
        if place
        else "image: nowhere",
        f"compared: {' '.join(compared) or 'nothing'}",
    ]


def _file(path: Path) -> str:
    if path.suffix != ".raw" or path.name == "plan.raw":
        return str(path)  # its length is qemu-img's, or the keys', or the steps'
    header = ImagePlace(path=path).header()
    sig = f", {header.sig}" if header and header.sig else ""
    return f"{path}: {path.stat().st_size >> 20} MiB{sig}"


@pytest.mark.parametrize("name", SCENARIOS)
def test_what_a_scenario_comes_to(name: str, files: GuestFiles, tmp_path: Path) -> None:
    scenario, run = SCENARIOS[name], tmp_path / "run"
    run.mkdir()
    sections = {
        "plan": [line.replace(str(tmp_path), "") for line in _planned(scenario)],
        "hibernator": _told(scenario),
        "disks": _made(scenario, files, run),
    }
    text = "".join(f"== {title}\n" + "\n".join(lines) + "\n" for title, lines in sections.items())
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("HIBTEST_UPDATE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text()


def test_every_golden_file_is_a_scenarios() -> None:
    assert sorted(path.stem for path in GOLDEN.iterdir()) == sorted(SCENARIOS)
