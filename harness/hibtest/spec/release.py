"""Releases and versions as numbers, so that they can be told apart by their order."""

import re

Release = tuple[int, ...]


def release_of(text: str) -> Release:
    """Return the numbers that a release or a version begins with; empty: it begins with none.

    >>> release_of("6.12.118+deb13-cloud-amd64")
    (6, 12, 118)
    """
    found = re.match(r"\d+(?:\.\d+)*", text)
    return tuple(map(int, found[0].split("."))) if found else ()
