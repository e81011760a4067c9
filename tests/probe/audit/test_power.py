"""What the audit concludes of /sys/power."""

from typing import Any

import pytest

from hibtest.probe.audit import power
from hibtest.probe.base import Failed, Lacking
from tests.probe.tree import Tree

STATS = "/sys/power/suspend_stats"


def before() -> dict[str, Any]:
    return {"power": power.state()}


def test_what_each_kernel_shows(recorded: Tree) -> None:
    found = power.state()
    assert "disk" in found["files"]["state"].split()
    assert found["files"]["disk"].startswith("platform shutdown reboot suspend test_resume")
    assert found["files"]["resume"] == "254:16"
    assert set(found["failures"].values()) == {0}
    assert "last_failed_dev" not in found["failures"]
    assert {"fail", "failed_resume", "failed_resume_noirq"} <= set(found["failures"])


def test_which_mode_is_selected_does_not_count(recorded: Tree) -> None:
    was = before()
    recorded.edit("/sys/power/disk", "[platform] shutdown", "platform [shutdown]")
    assert power.settings(was) == f"{len(was['power']['files'])} files are as before"


@pytest.mark.parametrize("name", ["image_size", "pm_async", "resume_offset", "mem_sleep"])
def test_a_file_that_changed_is_named(recorded: Tree, name: str) -> None:
    was = before()
    recorded.put(f"/sys/power/{name}", "1234\n")
    with pytest.raises(Failed, match=f"^{name} was '.*', is '1234'$"):
        power.settings(was)


def test_a_file_that_is_gone_or_came_is_named(recorded: Tree) -> None:
    was = before()
    recorded.drop("/sys/power/pm_freeze_timeout")
    recorded.put("/sys/power/pm_test", "[none] core\n")
    with pytest.raises(Failed) as failed:
        power.settings(was)
    assert "pm_freeze_timeout was '20000', is None" in str(failed.value)
    assert "pm_test was None, is 'none core'" in str(failed.value)


@pytest.mark.parametrize("text", ["freeze mem\n", "freeze mem disks\n", ""])
def test_a_kernel_that_offers_no_hibernation_is_told(recorded: Tree, text: str) -> None:
    recorded.put("/sys/power/state", text)
    with pytest.raises(Failed, match=r"^state does not offer disk$"):
        power.settings(before())


def test_a_failure_that_was_counted_is_told(recorded: Tree) -> None:
    recorded.put(f"{STATS}/failed_freeze", "2\n")
    was = before()
    assert power.statistics(was) == "no failure was counted"
    recorded.put(f"{STATS}/failed_freeze", "1\n")
    assert power.statistics(was) == "no failure was counted"
    recorded.put(f"{STATS}/failed_freeze", "3\n")
    recorded.put(f"{STATS}/failed_of_later", "1\n")
    with pytest.raises(Failed) as failed:
        power.statistics(was)
    assert "failed_freeze from 2 to 3" in str(failed.value)
    assert "failed_of_later from 0 to 1" in str(failed.value)


def test_a_count_that_is_no_number_is_left_out(recorded: Tree) -> None:
    recorded.put(f"{STATS}/fail", "many\n")
    assert "fail" not in power.failures()
    assert "failed_freeze" in power.failures()


def test_without_statistics_there_are_none(tree: Tree) -> None:
    assert power.failures() == {}
    with pytest.raises(Lacking, match="no /sys/power/suspend_stats"):
        power.statistics(before())


def test_wakeup_events_are_a_number(recorded: Tree) -> None:
    assert power.wakeup_count() == "0 wakeup events"
    recorded.put("/sys/power/wakeup_count", "")
    with pytest.raises(ValueError, match="invalid literal"):
        power.wakeup_count()
    recorded.drop("/sys/power/wakeup_count")
    with pytest.raises(Lacking, match="no /sys/power/wakeup_count"):
        power.wakeup_count()


def test_the_snapshot_device_is_opened(tree: Tree) -> None:
    with pytest.raises(Lacking, match="CONFIG_HIBERNATION_SNAPSHOT_DEV"):
        power.snapshot_device()
    tree.put("/dev/snapshot", "")
    assert power.snapshot_device() == "opened and closed"


def test_the_snapshot_device_comes_last() -> None:
    # it runs the PM notifiers itself
    assert power.exercises({})[-1].name == "snapshot-device"
