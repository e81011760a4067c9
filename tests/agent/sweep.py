"""Runs in a guest: saves that send one signal each to the guardian at a step; looks around after.

Arguments: the agent, the step, the signals ("each" or their numbers), the options of the save.
One JSON line for each signal.
"""

import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

PATIENCE = 60.0  # s
ENDS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT}


def asked() -> list[int]:
    """Return the numbers of the signals; of the realtime ones, which are alike, two."""
    if sys.argv[3] != "each":
        return [int(number) for number in sys.argv[3].split(",")]
    alike = range(signal.SIGRTMIN + 1, signal.SIGRTMAX)
    return sorted(int(one) for one in signal.valid_signals() if one not in alike)


def stopped() -> set[str]:
    """Return the processes that are stopped."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = path.read_text()
        except OSError:
            continue
        if text.rpartition(")")[2].split()[0] in "Tt":
            found.add(path.parent.name)
    return found


def wait_recovered() -> bool:
    last = time.monotonic() + PATIENCE
    while list(Path("/run").glob("hibtest-agent-*")):
        if time.monotonic() > last:
            return False
        select.select([], [], [], 0.05)
    return True


def wrong(number: int, before: set[str]) -> list[str]:
    agent, step, _, *options = sys.argv[1:]
    words = ["save", *options, "--fail-at", f"{step}:guardian={number}"]
    done = subprocess.run(
        ["python3", "-IB", agent, *words],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    found = []
    if not wait_recovered():
        found.append("a journal is left")
    if number == signal.SIGKILL:
        if done.returncode != -signal.SIGKILL:
            found.append(f"status {done.returncode}")
    else:
        ended = json.loads(done.stdout)
        # whether it failed or was killed first is chance
        may = {1, -signal.SIGKILL} if number in ENDS else {1}
        if ended["status"] not in may or not ended["undone"]:
            found.append(done.stdout)
    if stopped() != before:
        found.append(f"stopped: {stopped()}, before: {before}")
    with Path("/root/written").open("w") as file:  # waits for ever if it is frozen
        file.write("x")
        os.fsync(file.fileno())
    return found


# stopped before, it stays so
sleeper = subprocess.Popen(["sleep", "1000"])
sleeper.send_signal(signal.SIGSTOP)
os.waitpid(sleeper.pid, os.WUNTRACED)
roll = stopped()
for one in asked():
    print(json.dumps({"signal": one, "wrong": wrong(one, roll)}), flush=True)
sleeper.kill()
