"""Who can reach a cluster: this host alone, or whoever has the keys."""

import shutil
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from hibtest.errors import ExitStatus
from tests.cluster.lab import Lab, environment, first_line, lab, started, stock

GOOD = "refused-trixie-no-swap"
LIMIT = 120.0  # s, on a busy host


def test_only_loopback_is_listened_on(there: Lab) -> None:
    with there.worker("alpha") as worker:
        connections = psutil.Process(worker.pid).net_connections()
    ours = {one.laddr.ip for one in connections if one.status == psutil.CONN_LISTEN}
    assert ours == {"127.0.0.1"}


def test_a_worker_without_a_scheduler_says_so(there: Lab) -> None:
    words = ("-m", "hibtest", "cluster", "worker", "x:1")
    with started(*words, env=environment(there.place, "alpha")) as worker:
        assert worker.wait(LIMIT) == ExitStatus.USAGE
        assert first_line(worker) == ""


def test_a_cluster_of_this_machine_is_started_and_ended(there: Lab) -> None:
    before = set(psutil.Process().children())
    env = environment(there.place, "alpha")
    words = ("-m", "hibtest", "run", GOOD, "--cluster", "local:2", "--memory", "900T")
    done = _run(*words, "--accel", "tcg", env=env)
    assert done.returncode == ExitStatus.UNAVAILABLE, done.stderr
    assert "seats: 2: worker-1 (QEMU 10.0.2, tcg), worker-2 (QEMU 10.0.2, tcg)" in done.stdout
    assert f"{GOOD} cannot be run here: worker-" in done.stdout
    assert set(psutil.Process().children(recursive=True)) <= before


def test_with_keys_nobody_without_them_is_let_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As docs/cluster.md has it: one key for all."""
    (tmp_path / "lab").mkdir()
    key, certificate = tmp_path / "lab.key", tmp_path / "lab.pem"
    if shutil.which("openssl") is None:
        pytest.skip("openssl is missing: it makes the keys")
    subprocess.run([*OPENSSL, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    comm = "DASK_DISTRIBUTED__COMM__"
    monkeypatch.setenv(f"{comm}REQUIRE_ENCRYPTION", "True")
    monkeypatch.setenv(f"{comm}TLS__CA_FILE", str(certificate))
    for role in ("SCHEDULER", "WORKER", "CLIENT"):
        monkeypatch.setenv(f"{comm}TLS__{role}__CERT", str(certificate))
        monkeypatch.setenv(f"{comm}TLS__{role}__KEY", str(key))
    with lab(tmp_path / "lab", "tls://127.0.0.1:0") as there, there.worker("alpha"):
        stock(there.store("alpha"))
        words = ["-m", "hibtest", "run", GOOD, "--accel", "tcg", "--cluster", there.address]
        words += ["--runs", str(there.place / "runs")]
        known = environment(there.place, "client")
        done = _run(*words, env=known)
        assert done.returncode == ExitStatus.EXPECTED, done.stdout + done.stderr
        strange = {name: value for name, value in known.items() if not name.startswith(comm)}
        done = _run(*words, env=strange)
        assert done.returncode == ExitStatus.UNAVAILABLE
        assert done.stderr.splitlines() == [
            f"hibtest: {there.address}: Dask's configuration names no keys for TLS",
            "  → docs/cluster.md, A lab of ten hosts",
        ]
        assert not _lets_in(int(there.address.rpartition(":")[2]))


OPENSSL = (
    *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
    *("-nodes", "-days", "365", "-subj", "/CN=hibtest-lab"),
)


def _lets_in(port: int) -> bool:
    """Return whether somebody without a certificate is spoken to."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port), LIMIT) as plain:
        try:
            with context.wrap_socket(plain) as stranger:
                return bool(stranger.recv(1))
        except OSError:
            return False


def _run(*words: str, env: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    argv = [sys.executable, *words]
    return subprocess.run(argv, env=env, text=True, capture_output=True, check=False)
