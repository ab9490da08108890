"""Tasks that really are killed for want of memory."""

from tests.api.team import Team
from tests.e2e.kubelet.workloads import TELLS_WHAT_RAN, lasting_scratch, logged_step, shell, task

# One process, lest another one than the shell is killed. It takes at least 24 MiB.
LOADS = (
    'echo loading; exec awk \'BEGIN {s = "x"; while (length(s) < 16000000) s = s s;'
    ' print length(s) >> "/dev/termination-log"}\''
)
TOO_LITTLE = {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "16Mi"}}


def test_the_next_attempt_gets_more_and_fits(team: Team) -> None:
    more = {"memoryFactor": 8, "maxMemory": "1Gi"}
    team.apply(shell("grows", LOADS, resources=TOO_LITTLE, onOutOfMemory=more))
    team.wait_for_reason("grows", "MemoryIncreased")

    status = team.finish("grows")
    assert (status["phase"], status["result"]) == ("Succeeded", "16777216")
    [record] = status["history"]
    assert (record["reason"], record["memory"]) == ("OOMKilled", "16Mi")
    assert status["allocation"]["requests"]["memory"] == "128Mi"
    assert status.get("failures", 0) == 0


def test_where_nothing_is_said_of_more_it_is_a_failure(team: Team) -> None:
    team.apply(shell("too-large", LOADS, resources=TOO_LITTLE))
    status = team.finish("too-large")
    assert (status["phase"], status["reason"]) == ("Failed", "OOMKilled")
    assert (status["exitCode"], status["logTail"]) == (137, "loading")


def test_the_step_that_ran_out_of_memory_runs_again_and_no_other(team: Team) -> None:
    name = "step-grows"
    steps = [logged_step("first"), logged_step("second", f"{TELLS_WHAT_RAN}; {LOADS}")]
    more = {"memoryFactor": 8, "maxMemory": "1Gi"}
    scratch = lasting_scratch(team, name)
    team.apply(task(name, pod=scratch, steps=steps, resources=TOO_LITTLE, onOutOfMemory=more))
    status = team.finish(name)
    assert (status["phase"], status["attempts"]) == ("Succeeded", 2)
    assert status["result"].split() == ["first", "second", "second", "16777216"]
