"""Where Debian packages come from, on what apt printed (mirror names replaced)."""

import pytest

from hibtest.errors import HostError
from hibtest.images import mirror
from hibtest.images.mirror import KEYRING, Mirror
from hibtest.images.tools import Programs

DEBIAN_12 = """\
Debian Backports|bookworm-backports|http://mirror.example/debian/
Debian|bookworm-security|http://mirror.example/debian-security/
Debian|bookworm-updates|http://mirror.example/debian/
Debian|bookworm|http://mirror.example/debian/
Node Source|nodistro|https://other.example/node_20.x/
|cloud-sdk-bookworm|https://other.example/apt/
"""
UBUNTU_24_04 = """\
Ubuntu|noble|http://mirror.example/ubuntu/
Ubuntu|noble-security|http://mirror.example/ubuntu/
"""
MMDEBSTRAP = """\
I: automatically chosen mode: unshare
deb [signed-by="/usr/share/keyrings/debian.gpg"] http://mirror.example/debian trixie main
deb http://mirror.example/debian trixie-updates main
deb http://security.example/debian-security trixie-security main
E: setup command failed
"""


def test_debian_12_has_an_archive_and_a_security_archive() -> None:
    found = mirror.from_targets(DEBIAN_12)
    assert found == Mirror(
        archive="http://mirror.example/debian/",
        security="http://mirror.example/debian-security/",
    )


def test_ubuntu_has_no_debian_mirror() -> None:
    assert mirror.from_targets(UBUNTU_24_04) is None


def test_a_cdrom_is_no_mirror() -> None:
    assert mirror.from_targets("Debian|trixie|cdrom:[Debian 13]/\n") is None


@pytest.mark.parametrize("origin", ["Debian Multimedia", "Debianish", "debian", "", " Debian"])
def test_an_archive_that_is_not_debians_is_none(origin: str) -> None:
    assert mirror.from_targets(f"{origin}|trixie|http://other.example/debian/\n") is None


def test_whatever_calls_itself_debians_is_signed_with_debians_keys() -> None:
    found = mirror.from_targets("Debian|trixie|http://other.example/debian/\n")
    assert found is not None
    [line] = found.sources(["trixie"]).splitlines()
    assert line == f"deb [signed-by={KEYRING}] http://other.example/debian/ trixie main"


def test_what_mmdebstrap_would_use_elsewhere() -> None:
    found = mirror.from_sources(MMDEBSTRAP)
    assert found.archive == "http://mirror.example/debian"
    assert found.security == "http://security.example/debian-security"


def test_no_mirror_at_all_says_which_variable_to_set() -> None:
    with pytest.raises(HostError, match=r"\$HIBTEST_DEBIAN_MIRROR"):
        mirror.from_sources("E: no network\n")


def test_the_variable_wins() -> None:
    given = {mirror.VARIABLE: "http://a.example/debian http://b.example/security"}
    found = mirror.find(Programs(), given)
    assert (found.archive, found.security) == (
        "http://a.example/debian",
        "http://b.example/security",
    )


def test_sources_leave_out_a_security_archive_that_is_not_known() -> None:
    lines = Mirror(archive="http://a.example/debian").sources(("trixie", "trixie-security"))
    assert lines == f"deb [signed-by={KEYRING}] http://a.example/debian trixie main\n"
