"""What travels, addresses, and what is said when something is missing."""

import pickle
from collections.abc import Callable

import pytest

from hibtest import __version__, cluster
from hibtest.cluster import dask, local
from hibtest.cluster.order import Kernel, Order, who_we_are
from hibtest.errors import ExitStatus, SpecError
from hibtest.images import Parts
from hibtest.spec import GuestSpec, Scenario
from tests.commands import Command

PARTS = Parts(kernel="kernel-1", root="root-1", toolbox="toolbox-1", guest="guest-1")
ORDER = Order(
    run="x-one-1",
    topic="x",
    who=who_we_are(),
    scenario=Scenario(name="one", guest=GuestSpec(kernel="trixie")),
    kernels=(Kernel(name="trixie", release="6.12", parts=PARTS),),
    own={"program": b"\x7fELF"},
)


def test_an_order_travels_as_a_value() -> None:
    sent = pickle.dumps(ORDER)
    assert pickle.loads(sent) == ORDER  # noqa: S301 - our own
    assert b"PosixPath" not in sent


def test_who_we_are_is_the_version_and_what_the_sources_are() -> None:
    version, _, digest = who_we_are().partition(" ")
    assert version == __version__
    assert len(digest) == len("(123456789abc)")


@pytest.mark.parametrize("text", ["", "192.0.2.1:8786", "http://h:1", "tcp://h", "tcp://:1"])
def test_what_is_no_address_is_told(text: str) -> None:
    with pytest.raises(SpecError, match=r"is no address of a scheduler \(tcp://HOST:PORT"):
        dask.address(text)


def test_a_port_that_there_is_not_is_told() -> None:
    with pytest.raises(SpecError, match="there is no port 65536"):
        dask.address("tcp://h:65536")


@pytest.mark.parametrize(
    ("where", "alone"),
    [("tcp://127.0.0.1:1", True), ("tls://localhost:1", True), ("tcp://192.0.2.1:1", False)],
)
def test_loopback_is_known(where: str, alone: bool) -> None:
    assert dask.is_loopback(where) is alone


@pytest.mark.parametrize("where", ["local:0", "local:", "local:two", "local:65"])
def test_a_number_of_workers_that_cannot_be_is_told(where: str) -> None:
    with pytest.raises(SpecError, match=f"--cluster {where}: how many workers"):
        local.wanted(where)


def _missing(_name: str) -> None:
    return None


@pytest.mark.parametrize(
    "words",
    [
        ("run", "refused-trixie-no-swap", "--cluster", "local:1"),
        ("cluster", "scheduler"),
        ("cluster", "worker", "tcp://127.0.0.1:8786"),
    ],
)
def test_a_missing_extra_is_named(
    words: tuple[str, ...], hibtest: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    absent: Callable[[str], None] = _missing
    monkeypatch.setattr(cluster, "find_spec", absent)
    done = hibtest(*words)
    assert done.status == ExitStatus.UNAVAILABLE
    said = done.err.splitlines()
    assert said[0] == "hibtest: a cluster takes the Python package distributed"
    assert said[1:] == ["  → pip install 'hibtest[cluster]'"]
