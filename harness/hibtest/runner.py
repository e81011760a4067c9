"""One scenario through its boots: gathers evidence, never judges it."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from hibtest.cycle import agent
from hibtest.cycle.answers import Garbled
from hibtest.cycle.boot import Running, running
from hibtest.cycle.copies import keep, put_back
from hibtest.cycle.filesystems import look, replayed, require_programs
from hibtest.cycle.lab import Lab
from hibtest.cycle.memory_map import map_in
from hibtest.cycle.server import served
from hibtest.cycle.steps import Past, Situation, carry_out
from hibtest.cycle.watch import Stalled
from hibtest.deadline import DeadlineExpired
from hibtest.errors import GuestError, HibtestError, HostError, QemuError, SpecError
from hibtest.events import Sink, Waiting
from hibtest.evidence import AgentImage, Boot, Evidence, Exit, Hang, MapChange, Trouble, to_json
from hibtest.files import as_host_error, whole
from hibtest.image.damage import Damaged
from hibtest.image.e820_changes import changes
from hibtest.job import EVIDENCE, Job
from hibtest.machine.shape import Accel
from hibtest.machine.turns import turn
from hibtest.spec import PutBack, Role, Scenario, Stage
from hibtest.spec.course import BootPlan, course
from hibtest.spec.step import Task

Settled = Callable[[Scenario, Evidence], bool]
Over = Callable[[tuple[Boot, ...]], bool]


def run(job: Job, sink: Sink, settled: Settled = lambda *_: False) -> Evidence:
    """Run a scenario; ``evidence.json`` is up to date after every boot.

    Harness trouble does not raise: it stands in the evidence as its trouble.

    :param settled: Asked after each boot, and of a life that was looked at before more is done
        with it: whether what has been seen is the verdict. Then the run ends there. The default
        goes through all boots.
    """
    waits = time.monotonic()

    def say(text: str) -> None:
        sink(Waiting(t=round(time.monotonic() - waits, 3), text=text))

    with ExitStack() as stack:
        try:
            stack.enter_context(turn(Accel(job.host.accel), say=say))
        except HostError as error:
            return _store(job, replace(_nothing_yet(job), trouble=_trouble(error)), waits)
        return _run(job, sink, settled)


def _nothing_yet(job: Job) -> Evidence:
    return Evidence(
        scenario=job.scenario.name,
        host=job.host,
        kernel=job.kernel,
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        proof=job.proof,
        tries=job.tries,
        filesystems=(),
    )


def _trouble(error: HibtestError) -> Trouble:
    return Trouble(kind=error.kind, message=error.message, hint=error.hint or "")


def _run(job: Job, sink: Sink, settled: Settled) -> Evidence:
    began = time.monotonic()
    nothing = evidence = _nothing_yet(job)

    def over(boots: tuple[Boot, ...]) -> bool:
        return settled(job.scenario, replace(nothing, boots=boots))

    try:
        lab = Lab.of(job, sink, began)
        for plan in course(job.scenario):
            lab.machine(plan)  # what cannot be is said before anything is done
        stored = tuple(lab.storage.filesystems(job.files, job.directory))
        require_programs(stored)
        lab.storage.make(job.files, job.directory)
        for boots in _boots(lab, over):
            evidence = replace(evidence, boots=boots)
            _store(job, evidence, began)
        evidence = replace(
            evidence, filesystems=look(stored, job.directory, partial(replayed, lab))
        )
    except HibtestError as error:
        evidence = replace(evidence, trouble=_trouble(error))
    except OSError as error:  # this host's, whichever file it was
        evidence = replace(evidence, trouble=_trouble(as_host_error(error)))
    return _store(job, evidence, began)


def _store(job: Job, evidence: Evidence, began: float) -> Evidence:
    evidence = replace(evidence, seconds=round(time.monotonic() - began, 2))
    whole(job.directory / EVIDENCE, to_json(evidence))
    return evidence


def _boots(lab: Lab, over: Over) -> Iterator[tuple[Boot, ...]]:
    """Go through the boots of a scenario, until one comes to something else than hoped.

    Yields all boots there were, after each of them.
    """
    boots: tuple[Boot, ...] = ()
    with closing(Past()) as past, served(lab) as equipped:
        lab = equipped
        for number, plan in enumerate(course(lab.job.scenario)):
            if plan.put_back:
                _put_back(lab, plan.put_back)
            boot, error = _boot(lab, plan, number, past, _with(boots, over))
            boots = (*boots, boot)
            yield boots
            if error is not None:
                raise error
            if not _goes_on(plan, boot) or over(boots):
                return
            lab = lab.after(boot)
            if plan.kept:
                keep(lab.job.directory)


def _put_back(lab: Lab, what: PutBack) -> None:
    directory = lab.job.directory
    image = lab.storage.image_in(directory, lab.told)
    put_back(directory, alone=image.path if image and what is PutBack.IMAGE else None)


def _with(boots: tuple[Boot, ...], over: Over) -> Callable[[Boot], bool]:
    """Return what is asked of a boot under way, after others."""
    return lambda boot: over((*boots, boot))


def _goes_on(plan: BootPlan, boot: Boot) -> bool:
    if plan.cut:
        return boot.power_cut and (plan.role is not Role.SAVE or boot.attempt is not None)
    well = not (boot.garbled or boot.hang or boot.panic)
    up = boot.ready if plan.role is Role.RESCUE else boot.resumed
    if plan.role in {Role.RESUME, Role.RESCUE} and not (well and up):
        return False
    if plan.steps[-1] is Task.POWER_OFF:
        return any(one.stage is Stage.POWER_OFF for one in boot.stages) and _off(boot)
    if plan.comes_back:
        return well and boot.attempt is not None and boot.attempt.errno == 0
    return _hibernated(boot) if plan.hibernates else True


def _off(boot: Boot) -> bool:
    return boot.exit is not None and boot.exit.returncode == 0


def _hibernated(boot: Boot) -> bool:
    tried = boot.attempt is not None and boot.attempt.errno is None
    return tried and _off(boot) and not boot.panic and boot.hang is None


def _boot(
    lab: Lab, plan: BootPlan, number: int, past: Past, over: Callable[[Boot], bool]
) -> tuple[Boot, HibtestError | None]:
    """Run one machine through its steps; return all that was seen of it, and what ended it of ours.

    :param over: Whether what has been seen of it is enough.
    :raise HibtestError: What is ours before any hibernation: there is nothing to be judged.
    """
    trouble: HibtestError | None = None
    with running(lab, plan, number, lab.job.directory / plan.name) as run:
        begun = Boot(
            role=plan.role, directory=plan.name, template=run.template, threads=run.threads
        )
        at = Situation(run, past, begun, over)
        try:
            carry_out(plan, at)
        except Stalled as stalled:
            at.boot = replace(at.boot, hang=stalled.hang)
        except Garbled as garbled:
            at.boot = replace(at.boot, garbled=_afterwards(at.boot, garbled))
        except (GuestError, DeadlineExpired) as error:
            at.boot = replace(at.boot, hang=_lost(run, at.boot, error))
        except (SpecError, QemuError) as error:
            if _before(at.boot):
                raise
            trouble = error
        exit_ = run.watch.ended() or Exit(returncode=None)
        run.watch.close()
    boot = replace(at.boot, exit=exit_, map_changes=_map_changes(plan, lab, past))
    return _seen(run, boot), trouble


def _map_changes(plan: BootPlan, lab: Lab, past: Past) -> tuple[MapChange, ...] | None:
    """Return how a boot's memory map differs from the save boot's."""
    found = map_in(lab.job.directory / plan.name)
    if plan.role is Role.SAVE:
        past.memory_map = found
    if found is None or past.memory_map is None:
        return None
    return changes(past.memory_map, found)


def _afterwards(boot: Boot, garbled: Garbled) -> str:
    """Return what a guest answered after a hibernation; before one it is ours to be told."""
    if _before(boot):
        raise garbled
    return garbled.message


def _before(boot: Boot) -> bool:
    return boot.role is Role.SAVE and boot.attempt is None


def _lost(run: Running, boot: Boot, error: HibtestError) -> Hang | None:
    """Tell a guest that cannot be reached because of its kernel from harness trouble.

    A machine that ends explains itself. After a hibernation, in whichever boot, a guest that does
    not answer has hung. What remains is ours, and the error goes on.
    """
    if run.watch.ends():
        return None
    if _before(boot):
        raise error
    if isinstance(error, DeadlineExpired):
        return run.watch.hang(Stage.WITNESS, error.deadline.what, error.deadline.limit)
    return run.watch.hang(Stage.WITNESS, error.message, 0)


def _agent_image(run: Running) -> AgentImage | None:
    """Return what the agent's target holds; what it cannot read is no image for the agent."""
    try:
        return run.image.look() if run.image else None
    except Damaged:
        return AgentImage(state="none")


def _seen(run: Running, boot: Boot) -> Boot:
    """Return a boot with what its machine has left: lines, events, disks."""
    record = run.watch.record
    panic = run.watch.seen("panic")
    return replace(
        boot,
        struck=run.faults.struck,
        marks=tuple(record.marks),
        qmp=tuple(record.qmp),
        stages=tuple(record.stages),
        header=run.swap.header() if run.swap else None,
        swap_offset=run.told,
        agent_image=_agent_image(run),
        agent_steps=agent.steps(record.marks),
        panic=panic.line if panic else "",
        last_lines=run.watch.last_lines() if panic else (),
    )
