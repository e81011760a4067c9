"""How a witness that was found may differ from the one that was planted: one rule for each.

Pure: planted and found facts come from the probe (:mod:`harness.probe`), where each witness
documents its own.
"""

from collections.abc import Callable, Mapping
from typing import Any

Facts = Mapping[str, Any]
Rule = Callable[[Facts, Facts], list[str]]


def differences(name: str, planted: Any, found: Any) -> tuple[str, ...]:
    """Compare a witness with what was planted.

    :param planted: Its facts as ``plant`` printed them.
    :param found: Its facts as ``check`` printed them.
    :return: What differs, a phrase each; nothing when all is as it should be. A witness that
        the guest lacked when it was planted (``{"lacking": why}``) cannot differ.
    """
    rule = RULES.get(name)
    if rule is None:
        return (f"{name}: no rule for this witness",)
    if not isinstance(planted, Mapping):
        return (f"{name}: nothing is known of what was planted",)
    if "lacking" in planted:
        return ()
    if "error" in planted:
        return (f"{name}: could not be planted: {planted['error']}",)
    if not isinstance(found, Mapping):
        return (f"{name}: is gone",)
    try:
        return tuple(f"{name}: {difference}" for difference in rule(planted, found))
    except (KeyError, TypeError, ValueError, IndexError) as error:
        return (f"{name}: facts of another shape: {type(error).__name__} {error}",)


def same(planted: Facts, found: Facts) -> list[str]:
    """Every fact is what it was."""
    keys = sorted(planted.keys() | found.keys())
    return [
        f"{key} was {planted.get(key)!r}, is {found.get(key)!r}"
        for key in keys
        if planted.get(key) != found.get(key)
    ]


def pages(planted: Facts, found: Facts) -> list[str]:
    """Every page is what it was; the first that is not is named."""
    if found["named"]:
        number, was, now = found["named"][0]
        count = f"{found['differing']} of {planted['pages']} pages differ"
        return [f"{count}, the first is page {number} (CRC {was:#010x}, now {now:#010x})"]
    if (planted["pages"], planted["crc"]) != (found["pages"], found["crc"]):
        return ["content and page checksums changed together"]
    return []


def locked(planted: Facts, found: Facts) -> list[str]:
    """The pages are what they were, and locked still."""
    lost = planted["locked_kib"] != found["locked_kib"]
    text = f"{planted['locked_kib']} KiB were locked, {found['locked_kib']} KiB are"
    return pages(planted, found) + ([text] if lost else [])


def page_cache(planted: Facts, found: Facts) -> list[str]:
    """The cached pages are what they were, and so is the disk below them."""
    if isinstance(found["disk"], str):
        return [*pages(planted, found), f"disk could not be read: {found['disk']}"]
    return pages(planted, found) + [f"on disk: {text}" for text in pages(planted, found["disk"])]


def counter(planted: Facts, found: Facts) -> list[str]:
    """The same process counts on from where it was."""
    wrong = [
        f"{key} was {planted[key]}, is {found[key]}"
        for key in ("pid", "starttime")
        if planted[key] != found[key]
    ]
    if found["count"] < planted["count"]:
        wrong.append(f"counted back from {planted['count']} to {found['count']}")
    if found["later"] <= found["count"]:
        wrong.append(f"stands still at {found['count']}")
    if found["astray"]:
        wrong.append(f"shared count was not its own {found['astray']} times")
    return wrong


RULES: dict[str, Rule] = {
    "boot-id": same,
    "counter": counter,
    "memory": pages,
    "shared-memory": pages,
    "locked-memory": locked,
    "tmpfs": pages,
    "page-cache": page_cache,
    "swapped-memory": pages,
}
