"""A scenario in a few words."""

from collections.abc import Iterator

from hibtest.spec import KernelMethod, MappedRoot, Method, NoSwap, Scenario


def describe(scenario: Scenario) -> Iterator[tuple[str, str]]:
    """Yield what a scenario consists of: a word for it, and what it is."""
    guest = scenario.guest
    vcpus = f"{guest.vcpus} vCPU{'s' if guest.vcpus > 1 else ''}"
    more = f" of {guest.max_vcpus}" if guest.max_vcpus else ""
    root = ", root on device mapper" if isinstance(guest.root, MappedRoot) else ""
    words = f", told {' '.join(guest.append)}" if guest.append else ""
    yield "guest", f"{vcpus}{more}, {guest.memory_mib} MiB{root}{words}"
    layout = scenario.layout
    yield "swap", "none" if isinstance(layout, NoSwap) else f"a disk of {layout.size_mib} MiB"
    lives = f", {scenario.lives} times in a life" if scenario.lives > 1 else ""
    yield "method", method_of(scenario.method) + lives
    if scenario.workloads:
        yield "workloads", ", ".join(one.name for one in scenario.workloads)
    if scenario.faults:
        yield "faults", ", ".join(type(one).__struct_config__.tag or "" for one in scenario.faults)  # type: ignore[misc]


def method_of(method: Method) -> str:
    """Return a method in a few words: who writes the image, and how."""
    if isinstance(method, KernelMethod):
        return f"kernel {method.mode}"
    how = (method.stopper, method.protect, method.target, method.compress)
    return f"agent {' '.join(how)}"
