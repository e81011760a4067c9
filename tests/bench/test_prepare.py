"""What a job is made of."""

from pathlib import Path

import pytest

from hibtest import images
from hibtest.bench.prepare import Bench
from hibtest.evidence import Host, Try
from hibtest.spec import Outcome
from tests.cycle.jobs import ONE, files_in


def test_run_in_place_of_another_starts_with_its_firmware(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "guest_files", lambda _: files_in(tmp_path))
    monkeypatch.setattr(images, "sha256", lambda _: "")
    host = Host(qemu="10.0", accel="tcg")
    bench = Bench(host=host, qemu="qemu", runs=tmp_path / "runs")
    again = Try(
        directory="1", outcome=Outcome.INVALID, cause="guest-stuck", reason="it stood still"
    )
    assert bench.job(ONE).templates is not None
    assert bench.job(ONE, (again,)).templates is None
