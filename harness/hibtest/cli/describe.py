"""A scenario in a few words."""

from collections.abc import Iterator

import msgspec

from hibtest.spec import KernelMethod, Method, Scenario, Stack, Swap


def describe(scenario: Scenario) -> Iterator[tuple[str, str]]:
    """Yield what a scenario consists of: a word for it, and what it is."""
    guest = scenario.guest
    vcpus = f"{guest.vcpus} vCPU{'s' if guest.vcpus > 1 else ''}"
    more = f" of {guest.max_vcpus}" if guest.max_vcpus else ""
    root = f", root {_on(guest.root)}" if guest.root else ""
    words = f", told {' '.join(guest.append)}" if guest.append else ""
    yield "guest", f"{vcpus}{more}, {guest.memory_mib} MiB{root}{words}"
    yield "swap", "; ".join(map(_swap, scenario.layout)) or "none"
    lives = f", {scenario.lives} times in a life" if scenario.lives > 1 else ""
    yield "method", method_of(scenario.method) + lives
    if scenario.workloads:
        yield "workloads", ", ".join(one.name for one in scenario.workloads)
    if scenario.faults:
        yield "faults", ", ".join(map(_tag, scenario.faults))


def _swap(swap: Swap) -> str:
    on = f" {_on(swap.on)}" if swap.on else ""
    priority = "" if swap.priority is None else f", priority {swap.priority}"
    return f"a {_tag(swap)} of {swap.size_mib} MiB{on}{priority}"


def _on(stack: Stack) -> str:
    return f"on {' on '.join(map(_tag, reversed(stack)))}"


def _tag(value: msgspec.Struct) -> str:
    return str(value.__struct_config__.tag)


def method_of(method: Method) -> str:
    """Return a method in a few words: who writes the image, and how."""
    if isinstance(method, KernelMethod):
        return f"kernel {method.mode}"
    how = (method.stopper, method.protect, method.target, method.compress)
    return f"agent {' '.join(how)}"
