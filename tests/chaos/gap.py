"""What happens while no watch gets through, and must be found out when they begin anew."""

from pathlib import Path

from tests.chaos.crowd import KINDS, Kind, end
from tests.chaos.run import Setting
from tests.chaos.scenarios import FAILS, SUCCEEDED, Outcome, gone
from tests.chaos.wire import Several
from tests.chaos.wire_watches import Gap, StaleLists
from tests.chaos.wired import Came, Wired, wired
from tests.waiting import wait_until

SLOW = {"fate": FAILS, "backoffLimit": 1, "backoff": {"baseSeconds": 20, "maxSeconds": 20}}
WATCHES = 3
"""Of MLTasks, Pods and ResourceQuotas."""


def across_a_gap(setting: Setting, folder: Path) -> Came:
    """Have tasks and Pods go, and Pods end, while no watch tells of it."""
    gap = Gap()
    with wired(setting, gap, folder) as run:
        crowd, stage = run.crowd, run.stage
        deleted = crowd.add(Kind("deleted", {}, gone(attempts=1)))
        ended = crowd.add(Kind("ended", {}, SUCCEEDED))
        again = Outcome("Succeeded", "Completed", 2, disruptions=1)
        bereft = crowd.add(Kind("bereft", {}, again, {2: end}))
        finished = crowd.add(Kind("finished", {"fate": {"run_seconds": 0}}, gone(attempts=1)))
        waiting = crowd.add(Kind("waiting", SLOW, gone(attempts=1)))
        pods = {name: stage.runs(name, 1) for name in (deleted, ended, bereft)}
        stage.until(lambda: stage.status(finished).get("phase") == "Succeeded", "one has finished")
        stage.until(lambda: stage.status(waiting).get("reason") == "BackingOff", "one waits")
        begin(gap, run)
        for name in (deleted, finished, waiting):
            stage.delete(name)
        stage.end(pods[ended])
        stage.delete_pod(pods[bereft])
        gap.end()
        # Once its second attempt is over, that of the one that waited would have been made too.
        crowd.add(Kind("twin", SLOW, Outcome("Failed", "ContainerFailed", 2, failures=2)))
        run.tend_until_over()
        return Came(gap, run.check(0), run.kubelet.restarts)


def from_stale_lists(setting: Setting, folder: Path) -> Came:
    """Have lists and watches begin in the past, in which all that is over was under way."""
    gap, stale = Gap(), StaleLists("kopf", "mltask-operator")
    with wired(setting, Several(stale, gap), folder) as run:
        for kind in KINDS:
            run.crowd.add(kind)
        wait_until(lambda: not run.tend() and _running(run) >= 3, "some run")
        deleted = run.crowd.add(Kind("late", {}, gone(attempts=1)))
        run.stage.runs(deleted, 1)
        # The watches list anew, and that is what is kept.
        before = stale.noted
        begin(gap, run)
        gap.end()
        wait_until(lambda: stale.noted >= before + WATCHES + 2, "all was listed")
        run.stage.delete(deleted)
        run.tend_until_over()
        stale.begin()
        run.proxy.cut_watches()
        wait_until(lambda: stale.struck >= 2 * WATCHES, "the watches are cut, and have listed")
        return Came(stale, run.check(0), run.kubelet.restarts)


def begin(gap: Gap, run: Wired) -> None:
    """Begin the gap, and return when no watch is left."""
    before = gap.struck
    gap.begin()
    run.proxy.cut_watches()
    wait_until(lambda: gap.struck >= before + WATCHES, "the watches are cut")


def _running(run: Wired) -> int:
    return sum(pod["status"]["phase"] == "Running" for pod in run.stage.pods())
