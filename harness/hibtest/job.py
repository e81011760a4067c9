"""A scenario and all that is needed to run it here, as one value that can be stored."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hibtest.evidence import GuestKernel, Host, Try
from hibtest.spec import GuestFiles, Scenario
from hibtest.spec.older import scenario_today

EVIDENCE = "evidence.json"  # in a run's directory


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A scenario and all that is needed to run it here.

    :ivar others: What is booted of other kernels than the guest's own, those of a resume boot.
    :ivar directory: The run's own directory; it exists.
    :ivar proof: Whether images are compared with the guest's memory, page by page.
    :ivar retry: Whether the run may be made again (:mod:`hibtest.retry`).
    :ivar templates: Where templates of guests are kept (docs/templates.md); ``None``: each boot
        starts with its firmware.
    :ivar tries: Runs in whose place this one is made.
    """

    scenario: Scenario
    files: GuestFiles
    kernel: GuestKernel
    host: Host
    qemu: str
    directory: Path
    proof: bool = True
    retry: bool = True
    templates: Path | None = None
    tries: tuple[Try, ...] = ()
    others: tuple[GuestFiles, ...] = ()

    @property
    def booted(self) -> tuple[GuestFiles, ...]:
        """What there is of each kernel, the guest's own first."""
        return (self.files, *self.others)

    @classmethod
    def unkept(
        cls, scenario: Scenario, files: GuestFiles, host: Host, qemu: str, directory: Path
    ) -> "Job":
        """Return a job that leaves no evidence: for a plan, or a guest that is only asked."""
        kernel = GuestKernel(name=files.kernel_name, release=files.release, sha256="")
        return cls(
            scenario=scenario,
            files=files,
            kernel=kernel,
            host=host,
            qemu=qemu,
            directory=directory,
            proof=False,
        )

    @staticmethod
    def today(stored: dict[str, Any]) -> dict[str, Any]:
        """Return a job's JSON in today's form; see :func:`hibtest.spec.older.scenario_today`."""
        scenario = stored.get("scenario")
        if not isinstance(scenario, dict):
            return stored
        return {**stored, "scenario": scenario_today(scenario)}
