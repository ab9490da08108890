"""kubectl mltask sweep, on a real API server."""

import csv
import io
from pathlib import Path

from tests.api.pipelines import QUICK
from tests.api.plugin import end, mltask, parsed, running, sweep_file
from tests.api.team import Team

QUICKLY = {word.replace("_", "-"): seconds for word, seconds in QUICK.items()}


def test_the_best_trial_comes_first_and_the_same_command_goes_on(
    shared_team: Team, tmp_path: Path
) -> None:
    file = sweep_file(tmp_path, "best")
    with running(shared_team, tmp_path, "sweep", file) as sweeping:
        end(shared_team, "best-0", message='{"accuracy": 0.5}')
        end(shared_team, "best-1", 1, "diverged")
        sweeping.shows("best-1: Failed")
        assert sweeping.interrupt() == 130
        assert (
            "The same command goes on here; `kubectl mltask cancel -l mltask.dev/sweep=best`"
            in (sweeping.stderr)
        )
    with running(shared_team, tmp_path, "sweep", file, "-o", "csv") as sweeping:
        sweeping.shows("sweep best: 0 tasks created, 4 there")
        end(shared_team, "best-2", message='{"accuracy": 0.9}')
        end(shared_team, "best-3", message='{"accuracy": 0.7}')
        assert sweeping.ends() == 1
        rows = list(csv.DictReader(io.StringIO(sweeping.stdout)))
    assert [row["trial"] for row in rows] == ["best-2", "best-3", "best-0", "best-1"]
    assert [row["accuracy"] for row in rows] == ["0.9", "0.7", "0.5", ""]
    assert (rows[0]["LR"], rows[0]["LAYERS"]) == ("0.01", "2")
    assert (rows[3]["phase"], rows[3]["reason"]) == ("Failed", "ContainerFailed")
    table = mltask(shared_team, "sweep", file)
    assert table.stdout.splitlines()[0].split()[:4] == ["TRIAL", "LR", "LAYERS", "ACCURACY"]


def test_trials_that_share_take_fewer_allocations(shared_team: Team, tmp_path: Path) -> None:
    file = sweep_file(tmp_path, "shared", QUICKLY)
    result = mltask(shared_team, "sweep", file, "--share=3", "-o", "json")
    assert result.returncode == 0, result.stderr
    trials = parsed(result.stdout)
    assert {each["phase"] for each in trials} == {"Succeeded"}
    assert len(trials) == 4
    attempts = [shared_team.finish(f"shared-{index}")["attempts"] for index in (0, 1)]
    assert attempts == [1, 1]
    step = shared_team.get("mltask", "shared-0")["spec"]["steps"][1]
    assert step["args"] == ["--lr=$(LR)"]
    assert step["env"] == [{"name": "LR", "value": "0.1"}, {"name": "LAYERS", "value": "4"}]


def test_tasks_of_another_file_are_not_taken_for_this_ones(
    shared_team: Team, tmp_path: Path
) -> None:
    (tmp_path / "later").mkdir()
    fate = {"run-seconds": 0}
    assert mltask(shared_team, "sweep", sweep_file(tmp_path, "changed", fate)).returncode == 0
    later = sweep_file(tmp_path / "later", "changed", fate, grid={"LR": [0.5]})
    result = mltask(shared_team, "sweep", later)
    assert result.returncode == 3
    assert "error: changed-0 in namespace" in result.stderr
    assert "kubectl delete mltasks -l mltask.dev/sweep=changed" in result.stderr


def test_a_trial_that_somebody_deletes_is_not_waited_for(shared_team: Team, tmp_path: Path) -> None:
    file = sweep_file(tmp_path, "lost", grid={"LR": [1]})
    with running(shared_team, tmp_path, "sweep", file) as sweeping:
        shared_team.pod_of("lost-0")
        shared_team.kubectl("delete", "mltask", "lost-0")
        assert sweeping.ends() == 1
        assert "Deleted" in sweeping.stdout


def test_a_trial_keeps_its_result_when_its_time_to_live_is_over(
    shared_team: Team, tmp_path: Path
) -> None:
    spec = {"image": "trainer:1", "resources": {"requests": {"cpu": 1}}}
    template = {"spec": {**spec, "ttlSecondsAfterFinished": 0}}
    file = sweep_file(tmp_path, "brief", template=template, grid={"LR": [1, 2]})
    with running(shared_team, tmp_path, "sweep", file) as sweeping:
        end(shared_team, "brief-0", message='{"accuracy": 0.5}')
        shared_team.kubectl("wait", "--for=delete", "mltask/brief-0", "--timeout=120s")
        end(shared_team, "brief-1", message='{"accuracy": 0.9}')
        assert sweeping.ends() == 0
        assert [line.split()[2] for line in sweeping.stdout.splitlines()[1:]] == ["0.9", "0.5"]


def test_tasks_that_may_not_be_created_are_told(shared_team: Team, tmp_path: Path) -> None:
    spec = {"image": "trainer:1", "resources": {"requests": {"cpu": "-1"}}}
    result = mltask(shared_team, "sweep", sweep_file(tmp_path, "none", template={"spec": spec}))
    assert result.returncode == 3
    assert "Those that are there run on" in result.stderr
    assert "an amount is at least 0" in result.stderr
