"""What dpkg's status file says of the tree."""

from hibtest.images.debian import closure, versions

STATUS = """\
Package: python3
Status: install ok installed
Version: 3.13.5-1
Depends: python3.13 (>= 3.13~), libc6 | libc6-other
Description: the language
 with more lines

Package: python3.13
Version: 3.13.5-2
Pre-Depends: libssl3t64:any
Depends: media-types

Package: libc6
Version: 2.41-12
Depends: python3

Package: libssl3t64
Version: 3.5

Package: unrelated
Version: 1
"""


def test_versions_of_all_packages() -> None:
    assert versions(STATUS)["libc6"] == "2.41-12"
    assert len(versions(STATUS)) == 5


def test_closure_follows_depends_and_ends_in_circles() -> None:
    assert closure(STATUS, ["python3"]) == {"python3", "python3.13", "libc6", "libssl3t64"}


def test_a_package_that_is_not_installed_is_no_part_of_the_closure() -> None:
    assert closure(STATUS, ["nothing"]) == frozenset()
