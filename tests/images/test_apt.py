"""Which packages make up a kernel, on what apt-cache printed (mirror names left out)."""

from pathlib import Path

import pytest

from hibtest.errors import HostError
from hibtest.images.apt import newest, packages, versions
from hibtest.images.kernels import KERNELS, KernelSource, kernel

RECORDED = Path(__file__).parent / "recorded"


def ask(verb: str, name: str) -> str:
    file = "madison.txt" if verb == "madison" else f"show-{name}.txt"
    return (RECORDED / file).read_text()


def names(source: KernelSource) -> list[str]:
    return [package.name for package in newest(source, ask)]


def test_6_1_has_all_in_one_package_and_the_security_update_is_newer() -> None:
    assert names(kernel("bookworm")) == [
        "linux-image-6.1.0-56-cloud-amd64",
        "linux-image-cloud-amd64",
    ]


def test_6_12_comes_from_the_security_suite() -> None:
    found = newest(kernel("trixie"), ask)
    assert {package.version for package in found} == {"6.12.117-1"}


def test_without_the_security_suite_there_is_the_older_one() -> None:
    madison = ask("madison", "linux-image-cloud-amd64")
    assert versions(madison, ("trixie",)) == ("6.12.107-1",)
    assert versions(madison, ("trixie", "trixie-security")) == ("6.12.117-1", "6.12.107-1")


def test_7_3_is_followed_over_all_its_parts() -> None:
    release = "7.3.4+deb13-cloud-amd64"
    assert names(kernel("backports")) == sorted(
        [f"linux-{part}-{release}" for part in ("base", "binary", "image", "modules")]
        + [f"linux-{part}-cloud-amd64" for part in ("base", "image", "modules")]
    )


def test_every_part_has_the_version_of_the_first() -> None:
    for source in (one for one in KERNELS if one.usual):
        assert len({package.version for package in newest(source, ask)}) == 1


def test_suites_without_the_package() -> None:
    source = KernelSource(name="x", suites=("sid", "sid-security"), about="")
    with pytest.raises(HostError, match=r"sid, sid-security: no package linux-image-cloud-amd64"):
        newest(source, ask)


def test_depends_without_versions_alternatives_and_architectures() -> None:
    text = "Package: a\nVersion: 1\nPre-Depends: b (>= 2)\nDepends: c | d, e:any\n"
    (package,) = packages(text)
    assert package.depends == ("b", "c", "e")
