"""The pytest plugin as somebody's tests meet it: pytest, on a host that is only pretended."""

import xml.etree.ElementTree as ET
from collections.abc import Callable

import pytest

from hibtest.cycle.watch import Watch
from hibtest.evidence import read_json
from hibtest.job import Job
from hibtest.snapshotdev import Answers
from hibtest.snapshotdev.guest import DeviceGuests
from tests.cycle.pretend import Machine, Play, Scene
from tests.cycle.scenes import panics, resumes, saves, starts
from tests.host import RELEASE, SHA256, Host

pytest_plugins = ["pytester"]

MINE = """
    import pytest
    from hibtest.spec import GuestSpec, Scenario

    ONE = Scenario(name="one-KERNEL", guest=GuestSpec(kernel="trixie"), tags=("smoke", "mine"))
    TWO = Scenario(name="one-KERNEL", guest=GuestSpec(kernel="bookworm"), tags=("wide",))
    SCENARIOS = (ONE, TWO)

    def test_mine(hib_verdict):
        assert hib_verdict.as_expected, str(hib_verdict)

    def test_of_something_else():
        pass
"""
ONE = """
    from hibtest.spec import GuestSpec, Scenario

    SCENARIOS = (Scenario(name="one-trixie", guest=GuestSpec(kernel="trixie")),)

    def test_mine(hib_verdict):
        assert hib_verdict.as_expected
"""
CASE = """
    import pytest
    from hibtest.snapshotdev import Case, objection

    @pytest.mark.parametrize("case", [Case(name="one", source="", steps=(("open r", 0),))])
    def test_case(case, hib_answers):
        assert not (wrong := objection(case, hib_answers)), wrong
"""
GOOD = (saves(), resumes(), starts())
Tests = Callable[..., pytest.RunResult]


def _dies(machine: Machine) -> None:
    machine.prints("hibtest: early")
    machine.ends(-6)


@pytest.fixture
def tests(pytester: pytest.Pytester, host: Host, monkeypatch: pytest.MonkeyPatch) -> Tests:
    """Run pytest on a file of tests, with these scenes on the machines that are started."""
    monkeypatch.setattr(Watch.ends, "__defaults__", (0.0,))

    def run(text: str, *options: object, scenes: tuple[Scene, ...] = ()) -> pytest.RunResult:
        pytester.makepyfile(test_mine=text)
        play = Play(scenes)
        play.instead(monkeypatch)
        words = ("-p", "no:cacheprovider", "--strict-markers", "--hib-accel=tcg", "--hib-no-proof")
        done = pytester.runpytest_inprocess(*words, f"--hib-runs={host.runs}", *map(str, options))
        assert len(play.machines) == len(scenes)
        return done

    return run


def test_a_test_is_made_for_each_scenario_of_its_module(tests: Tests) -> None:
    done = tests(MINE, "--collect-only", "-q")
    assert done.outlines[:3] == [
        "test_mine.py::test_mine[one-trixie]",
        "test_mine.py::test_mine[one-bookworm]",
        "test_mine.py::test_of_something_else",
    ]


KNOWN = """
    from hibtest.spec import Expected, GuestSpec, Known, Outcome, Scenario

    BUG = Known(before=(99,), reason="it is lost",
                expected=Expected(outcome=Outcome.COLD_BOOT, cause="not-armed"))
    SCENARIOS = (Scenario(name="one-trixie", guest=GuestSpec(kernel="trixie"), known=(BUG,)),)

    def test_mine(hib_verdict):
        assert hib_verdict.as_expected, str(hib_verdict)
"""


def test_a_known_bug_is_xfailed(tests: Tests, pytester: pytest.Pytester) -> None:
    done = tests(KNOWN, "-rx", "--junit-xml=junit.xml", scenes=(saves(armed=False), starts()))
    done.assert_outcomes(xfailed=1)
    assert "known bug: it is lost" in done.stdout.str()
    junit = ET.parse(pytester.path / "junit.xml")  # noqa: S314 (ours)
    case = junit.getroot().find(".//testcase")
    assert case is not None
    properties = {one.get("name"): one.get("value") for one in case.iter("property")}
    assert properties["known bug"] == "it is lost"


def test_a_known_bug_that_is_gone_is_a_failure(tests: Tests) -> None:
    done = tests(KNOWN, scenes=GOOD)
    done.assert_outcomes(failed=1)
    assert "the known bug is gone (it is lost): resumed once" in done.stdout.str()


@pytest.mark.parametrize(
    ("mark", "chosen"),
    [
        ("guest", ["one-trixie", "one-bookworm"]),
        ("smoke", ["one-trixie"]),
        ("wide", ["one-bookworm"]),
        ("not guest", []),
    ],
)
def test_scenarios_have_marks_by_which_they_are_chosen(
    tests: Tests, mark: str, chosen: list[str]
) -> None:
    """Tags that are nobody's marks are none, or --strict-markers would object."""
    done = tests(MINE, "--collect-only", "-q", "-m", mark)
    found = [line for line in done.outlines if "test_mine[" in line]
    assert found == [f"test_mine.py::test_mine[{name}]" for name in chosen]
    assert "test_of_something_else" in done.stdout.str() or mark != "not guest"


@pytest.mark.parametrize(
    ("decorator", "words"),
    [
        ('"hib_scenario", [ONE]', "hib_scenario"),
        ('"hib_scenario", argvalues=[ONE]', "hib_scenario"),
        ('("hib_scenario", "x"), [(ONE, 1)]', "hib_scenario, x"),
        ('"hib_scenario", [pytest.param(ONE, id="ONE")]', "hib_scenario"),
    ],
)
def test_a_test_may_be_parametrized_with_scenarios_by_itself(
    tests: Tests, decorator: str, words: str
) -> None:
    its_own = f"""
    @pytest.mark.parametrize({decorator})
    def test_its_own({words}):
        assert hib_scenario is ONE
    """
    done = tests(MINE + its_own, "-m", "guest", "-k", "test_its_own")
    done.assert_outcomes(passed=1, deselected=3)


def test_one_that_has_no_scenario_is_told_how_to_have_one(tests: Tests) -> None:
    done = tests("def test_mine(hib_scenario):\n    pass\n")
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(["*test_mine has no scenario: give its module a tuple SCENARIOS*"])


def test_a_run_as_expected_passes_and_leaves_its_properties(
    tests: Tests, pytester: pytest.Pytester, host: Host
) -> None:
    done = tests(ONE, "--junitxml=mine.xml", scenes=GOOD)
    done.assert_outcomes(passed=1)
    assert host.built == [("trixie",)]
    found = ET.parse(pytester.path / "mine.xml").iterfind(".//property")  # noqa: S314
    properties = {one.get("name"): one.get("value") for one in found}
    run = host.runs / "one-trixie" / "1"
    assert properties.pop("reason")
    assert properties == {
        "run": str(run),
        "kernel": f"trixie {RELEASE} sha256:{SHA256}",
        "qemu": "10.0.2",
        "accel": "tcg (asked for)",
        "outcome": "RESUMED",
    }
    assert (run / "verdict.json").exists()
    assert (run / "events.jsonl").stat().st_size
    assert not (run / "owner").exists()


def test_what_a_kernel_does_wrong_is_a_failure_with_the_runs_directory(
    tests: Tests, host: Host
) -> None:
    done = tests(ONE, scenes=(panics(saves()),))
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*- hibtest -*", "*PANIC*", f"*{host.runs / 'one-trixie' / '1'}*"])


def test_what_says_nothing_of_a_kernel_is_an_error_and_no_failure(tests: Tests, host: Host) -> None:
    done = tests(ONE, "--hib-no-retry", scenes=(_dies,))
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(["*INVALID*qemu-died*", f"*{host.runs / 'one-trixie' / '1'}*"])


def test_runs_that_do_not_count_are_told_at_the_end(tests: Tests, host: Host) -> None:
    done = tests(ONE, scenes=(_dies, *GOOD))
    done.assert_outcomes(passed=1)
    run = host.runs / "one-trixie" / "1"
    done.stdout.fnmatch_lines(
        ["*hibtest: runs that do not count*", f"*test_mine*INVALID in {run}: *"]
    )
    assert (host.runs / "one-trixie" / "2" / "verdict.json").exists()


def test_nothing_is_told_when_all_count(tests: Tests) -> None:
    done = tests(ONE, scenes=GOOD)
    assert "do not count" not in done.stdout.str()


def test_with_ones_own_kernel_each_scenario_is_run_once(
    tests: Tests, pytester: pytest.Pytester, host: Host
) -> None:
    words = "--hib-kernel=mine/bzImage", f"--hib-modules={host.place}"
    done = tests(MINE, *words, scenes=GOOD)
    done.assert_outcomes(passed=2, deselected=1)
    assert host.own == [("mine/bzImage", host.place)]
    assert host.built == []
    job = read_json(host.runs / "one-own" / "1" / "job.json", Job)
    assert (job.scenario.guest.kernel, job.files.kernel_name) == ("own", "own")


def test_what_ones_own_kernel_lacks_is_skipped_and_told_by_its_option(
    tests: Tests, host: Host
) -> None:
    host.lacks = ("SMP",)
    done = tests(ONE, "--hib-kernel=mine/bzImage")
    done.assert_outcomes(skipped=1)
    why = "CONFIG_SMP is not set (guests with more than one vCPU)"
    done.stdout.fnmatch_lines(
        ["*hibtest: does not apply here*", f"test_mine.py::test_mine*: {why}"]
    )
    assert not (host.runs / "one-own").exists()


@pytest.mark.parametrize(
    ("options", "outcomes"),
    [(("--hib-kernel=mine/bzImage",), {"skipped": 1}), ((), {"failed": 3})],
    ids=["own", "debian"],
)
def test_a_case_that_does_not_apply_is_skipped_and_debians_kernels_lack_nothing(
    tests: Tests,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    outcomes: dict[str, int],
) -> None:
    told = Answers(release=RELEASE, inapplicable="CONFIG_SECRETMEM is off")
    monkeypatch.setattr(DeviceGuests, "carry_out", lambda *_: told)
    done = tests(CASE, *options)
    done.assert_outcomes(**outcomes)
    done.stdout.fnmatch_lines(["*test_case*CONFIG_SECRETMEM is off*" if options else "*does not*"])


def test_options_change_the_scenario(tests: Tests, host: Host) -> None:
    """All of them as for ``hibtest run``."""
    words = "--hib-memory=300", "--hib-vcpus=2", "--hib-lives=2", "--hib-append=quiet splash"
    tests(ONE, *words, "--hib-no-retry", scenes=(saves(), resumes(again=True), resumes(), starts()))
    job = read_json(host.runs / "one-trixie" / "1" / "job.json", Job)
    guest = job.scenario.guest
    assert (guest.memory_mib, guest.vcpus, guest.append) == (300, 2, ("quiet", "splash"))
    assert (job.scenario.lives, job.proof, job.retry) == (2, False, False)


@pytest.mark.parametrize("keep", [False, True])
def test_disks_of_good_runs_stay_when_asked_for(tests: Tests, host: Host, keep: bool) -> None:
    tests(ONE, *(["--hib-keep"] if keep else []), scenes=GOOD)
    assert (host.runs / "one-trixie" / "1" / "swap.raw").exists() is keep


def test_what_cannot_be_meant_is_wrong_use(tests: Tests, host: Host) -> None:
    done = tests(ONE, f"--hib-modules={host.place}")
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines(["*--hib-modules*needs --hib-kernel*"])


def test_nothing_is_asked_of_tests_without_a_scenario(tests: Tests, host: Host) -> None:
    done = tests("def test_mine():\n    pass\n", f"--hib-modules={host.place}")
    done.assert_outcomes(passed=1)


def test_a_host_without_qemu_is_an_error_of_each_test(
    tests: Tests, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(host.place))
    done = tests(MINE)
    done.assert_outcomes(errors=2, passed=1)
    done.stdout.fnmatch_lines(["*hibtest: qemu-system-x86_64 is not installed*"])
    assert not host.runs.exists()


def test_options_are_in_pytests_help(tests: Tests) -> None:
    done = tests(ONE, "--help")
    for option in ("--hib-kernel=WHICH", "--hib-runs=DIR", "--hib-keep", "--hib-no-retry"):
        done.stdout.fnmatch_lines([f"*{option}*"])
