"""A scenario in a few words."""

from collections.abc import Iterator

import msgspec

from hibtest.spec import (
    Firmware,
    KernelMethod,
    Method,
    Mounts,
    ResumeSpec,
    Scenario,
    Stack,
    Swap,
)


def describe(scenario: Scenario) -> Iterator[tuple[str, str]]:
    """Yield what a scenario consists of: a word for it, and what it is."""
    guest = scenario.guest
    vcpus = f"{guest.vcpus} vCPU{'s' if guest.vcpus > 1 else ''}"
    more = f" of {guest.max_vcpus}" if guest.max_vcpus else ""
    root = f", root {_on(guest.root)}" if guest.root else ""
    model = f" ({guest.cpu})" if guest.cpu else ""
    firmware = f", {guest.firmware}" if guest.firmware is not Firmware.SEABIOS else ""
    disks = f", {guest.more_disks} more disks" if guest.more_disks else ""
    again = ", started by kexec" if guest.kexec else ""
    words = f", told {' '.join(guest.append)}" if guest.append else ""
    yield (
        "guest",
        f"{vcpus}{more}{model}, {guest.memory_mib} MiB{firmware}{root}{disks}{again}{words}",
    )
    yield "swap", "; ".join(map(_swap, scenario.layout)) or "none"
    lives = f", {scenario.lives} times in a life" if scenario.lives > 1 else ""
    yield "method", method_of(scenario.method) + lives
    if scenario.workloads:
        yield "workloads", ", ".join(one.name for one in scenario.workloads)
    for when in ("before", "between", "after"):
        if steps := getattr(scenario, when):
            yield when, "; ".join(step.words for step in steps)
    if scenario.mounts is not Mounts.WRITABLE:
        yield "mounts", f"{scenario.mounts} in between"
    if changed := ", ".join(_changed(scenario.resume)):
        yield "resume", changed
    for bug in scenario.known:
        yield "known", f"{bug.words}: {bug.expected}: {bug.reason}"
    if scenario.faults:
        yield "faults", "; ".join(fault.words for fault in scenario.faults)


def _changed(resume: ResumeSpec) -> Iterator[str]:
    """Yield what of the resume boot is not as in the save boot."""
    changes = (
        (resume.vcpus, f"{resume.vcpus} vCPUs"),
        (resume.memory_mib, f"{resume.memory_mib} MiB"),
        (resume.cpu, f"vCPUs are {resume.cpu}"),
        (resume.firmware, f"firmware is {resume.firmware}"),
        (resume.kernel, f"kernel is {resume.kernel}"),
        (resume.more_disks is not None, f"{resume.more_disks} more disks"),
        (resume.reordered, "root and swap disk have changed places"),
        (resume.append, f"told {' '.join(resume.append)}"),
        (resume.device, f"told resume={resume.device}"),
        (resume.noresume, "told noresume"),
    )
    yield from (words for changed, words in changes if changed)
    if resume.again:
        yield f"and again from a copy of {resume.again.words}"


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
        rehearsal = f", rehearsed up to {method.pm_test}" if method.rehearses else ""
        return f"kernel {method.mode}{rehearsal}"
    how = (method.stopper, method.protect, method.target, method.compress)
    return f"agent {' '.join(how)}"
