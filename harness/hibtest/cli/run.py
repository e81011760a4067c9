"""``hibtest run``: scenarios, a few at a time, ending in a table of verdicts."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hibtest.cli import options
from hibtest.errors import SpecError
from hibtest.settings import Settings
from hibtest.spec import Scenario

if TYPE_CHECKING:
    from hibtest.cli.again import Again
    from hibtest.cli.running import Way


def run(
    names: options.Names = None,
    expression: options.Expression = None,
    scenarios: options.Scenarios = None,
    times: options.Times = 1,
    jobs: options.Jobs = 0,
    kernel: options.Kernel = None,
    modules: options.Modules = None,
    append: options.Append = None,
    memory: options.Memory = None,
    vcpus: options.Vcpus = None,
    lives: options.Lives = None,
    accel: options.Accel = None,
    runs: options.Runs = None,
    again: options.From = None,
    proof: options.Proof = None,
    retry: options.Retry = None,
    warm: options.Warm = None,
    keep: options.Keep = None,
    maxfail: options.Maxfail = 0,
    until: options.Until = False,
    everything: options.All = False,
    failed: options.Failed = False,
    json: options.Json = False,
    ktap: options.Ktap = False,
    bisect: options.Bisect = False,
    cluster: options.Cluster = None,
    verbose: options.Verbose = 0,
) -> int:
    """Run scenarios: by default one full cycle of each guest kernel."""
    from hibtest.cli import bisecting
    from hibtest.cli.running import Way, run_all

    asked = Settings(
        scenarios=tuple(scenarios) if scenarios else None, kernel=kernel, modules=modules,
        append=append, memory=memory, vcpus=vcpus, lives=lives, accel=accel, runs=runs,
        proof=proof, retry=retry, warm=warm, keep=keep,
    )  # fmt: skip
    with bisecting.told(bisect):
        which = {"NAME": names, "-k": expression, "--from": again, "--all": everything}
        _refuse_several(which, "which scenarios")
        _refuse_several({"--from": again, "--scenarios": scenarios}, "where they are")
        _refuse_several({"--from": again, "--failed": failed}, "which runs")
        _refuse_several({"--json": json, "--ktap": ktap}, "what is printed")
        _refuse_several({"--maxfail": maxfail, "--until-unexpected": until}, "when it stops")
        if until and times == 1:
            raise SpecError("--until-unexpected needs --times N", hint="how often at most")
        earlier = _earlier(again) if again else None
        if earlier:
            said, chosen = _as_then(earlier, asked)
        else:
            wide = everything or failed
            said, chosen = _chosen(names or [], expression, asked, wide=wide, failed=failed)
        most = 1 if until else maxfail
        way = Way.of(times=times, jobs=jobs, most=most, json=json, ktap=ktap, verbose=verbose)
        if cluster:
            status = _on_cluster(cluster, said, chosen, earlier, way)
        else:
            status = run_all(said, chosen, earlier, way)
    return bisecting.status(status) if bisect else status


def _on_cluster(
    where: str, said: Settings, chosen: tuple[Scenario, ...], earlier: "Again | None", way: "Way"
) -> int:
    from hibtest.cluster import require_extra

    require_extra()
    from hibtest.cli.clustering import run_on

    return run_on(where, said, chosen, earlier, way)


def _refuse_several(ways: Mapping[str, object], what: str) -> None:
    given = [way for way, value in ways.items() if value]
    if len(given) > 1:
        raise SpecError(f"{' and '.join(given)}: each says {what}", hint="give one of them")


def _earlier(directory: Path) -> "Again":
    from hibtest.cli.again import again

    return again(directory)


def _as_then(earlier: "Again", asked: Settings) -> tuple[Settings, tuple[Scenario, ...]]:
    """Return how an earlier run is made again: nothing but what is asked for is changed."""
    from hibtest.bench.chosen import changed

    return asked.over(earlier.said), (changed(earlier.scenario, asked),)


def _chosen(
    names: list[str], expression: str | None, asked: Settings, *, wide: bool, failed: bool
) -> tuple[Settings, tuple[Scenario, ...]]:
    from hibtest import settings
    from hibtest.bench.catalogue import scenarios
    from hibtest.bench.chosen import ALL, asked_of, changed, chosen, failed_last
    from hibtest.bench.prepare import RUNS

    said = asked.over(settings.found(Path.cwd()))
    known = scenarios(said.scenarios or ())
    expression = expression or (ALL if wide else None)
    found = asked_of(known, lambda among: chosen(among, names, expression))
    if failed:
        found = failed_last(found, said.runs or RUNS, own=said.kernel is not None)
    elif not (names or expression or said.kernel or said.scenarios):
        said = replace(said, lives=said.lives or 1)  # the main job is one full cycle
    return said, tuple(changed(one, said) for one in found)
