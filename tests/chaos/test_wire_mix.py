"""All faults of the wire, drawn by lot, at a load of hundreds of tasks; then all must end well.

$CHAOS_SECONDS is for how long, and $CHAOS_SEED is the lot.
"""

import os
import random
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.chaos.crowd import KINDS
from tests.chaos.extent import SEED
from tests.chaos.mix import Mix
from tests.chaos.record import Record, Tried
from tests.chaos.run import Setting
from tests.chaos.wired import Wired, wired
from tests.waiting import BOUND, wait_until

pytestmark = pytest.mark.api
SECONDS = int(os.environ.get("CHAOS_SECONDS", "30"))
TASKS = 3 * SECONDS
OFTEN = (8, 8, 3, 2, 2, 2, 2, 2, 2)
"""How often there is a task of each of the KINDS."""


def test_hundreds_of_tasks_end_as_they_must(
    setting: Setting, record: Record, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lot = random.Random(f"{SEED} mix")  # noqa: S311 (a lot, no secret)
    mix = Mix(lot)
    with wired(setting, mix, tmp_path / "mix") as run:
        live_through(run, mix, lot)
        ended = time.monotonic()
        run.tend_until_over()
        recovery = time.monotonic() - ended
        wait_until(lambda: mix.is_quiet, "nothing is on its way")
        restarts = list(run.kubelet.restarts)
        # Whose answer a dead operator never heard, is asked for anew.
        broken = run.check(lost_answers=mix.total + 100 * len(restarts))
    for fault in mix.faults:
        record.append(Tried(fault.name, fault.how, fault.struck, 0))
    how = f"all of these at once, for {SECONDS} s at a load of {len(run.crowd.ends)} tasks"
    record.append(Tried("mix", how, mix.total, len(broken), seconds=recovery))
    why = dict(Counter(restart.partition(":")[0] for restart in restarts))
    with capsys.disabled():
        print(f"\nmix: {mix.total} struck, over in {recovery:.0f} s, restarts: {why}")  # noqa: T201
    struck = ", ".join(f"{fault.name}: {fault.struck}" for fault in mix.faults)
    assert mix.has_struck, f"{mix.total} in all; {struck}"
    assert not broken, "\n".join(broken)
    assert not mix.too_soon, "\n".join(mix.too_soon)
    assert run.kubelet.failure is None, run.kubelet.failure


def live_through(run: Wired, mix: Mix, lot: random.Random) -> None:
    """Create the tasks over the time, and have one fault after another until each has struck.

    A busy machine, or an operator that was just started again, may take longer for that.
    """
    began = time.monotonic()
    is_over = threading.Event()
    changes = 0.0
    while (elapsed := time.monotonic() - began) < SECONDS or (
        elapsed < SECONDS + BOUND and not mix.has_struck
    ):
        while len(run.crowd.ends) < TASKS * elapsed / SECONDS:
            run.crowd.add(*lot.choices(KINDS, OFTEN))
        run.tend()
        if elapsed >= changes:
            changes = elapsed + mix.turn(run)
        is_over.wait(0.5)
    mix.stop(run)
    while len(run.crowd.ends) < TASKS:
        run.crowd.add(*lot.choices(KINDS, OFTEN))
