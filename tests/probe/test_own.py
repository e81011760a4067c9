"""Programs that a scenario brought along are no witnesses: their processes come and go."""

from pathlib import Path

import pytest

from hibtest.probe.witnesses import threads


def test_those_of_its_control_group_need_not_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = tmp_path / "cgroup.procs"
    monkeypatch.setattr(threads, "OWN", str(group))
    assert threads.own() == set()  # there is no such group unless there is such a program
    one = next(thread.pid for thread in threads.everyone() if not thread.kernel)
    group.write_text(f"{one}\n")
    planted = threads.threads().facts["threads"]
    staying = {tid: stays for tid, _, _, _, stays in planted}
    assert staying[one] == 0
    assert 1 in staying.values()
