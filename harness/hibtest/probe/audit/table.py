"""All exercises, in the order in which they run."""

from __future__ import annotations

from hibtest.probe.audit import cpus, devices, helpers, memory, power, storage, variables
from hibtest.probe.audit.exercise import Exercise
from hibtest.probe.base import Facts


def exercises(recorded: Facts) -> tuple[Exercise, ...]:
    """Return all exercises.

    What only looks comes first, what takes memory and CPUs away later, and opening
    /dev/snapshot, which runs the PM notifiers once more, comes last.

    :param recorded: The state before the hibernation.
    """
    return (
        *variables.exercises(recorded),
        *memory.exercises(recorded),
        *devices.exercises(recorded),
        *storage.EXERCISES,
        *helpers.EXERCISES,
        *cpus.EXERCISES,
        *power.exercises(recorded),
    )
