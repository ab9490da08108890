"""kubectl mltask run, logs, watch, top, cancel and retry, through kubectl, on a real API server."""

from pathlib import Path

import pytest

from localcluster import Cluster
from tests.api.plugin import end, mltask, parsed, running
from tests.api.team import Team
from tests.api.test_quota import quota


def test_kubectl_finds_the_plugin(shared_team: Team) -> None:
    result = mltask(shared_team, "run", "--help")
    assert result.returncode == 0
    assert result.stdout.startswith("Usage: kubectl mltask run")


# run


def test_run_creates_a_task_and_returns(shared_team: Team) -> None:
    result = mltask(shared_team, "run", "trainer:1", "--env=LR=0.1", "--gpu=1", "--", "train", "-v")
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("mltask.mltask.dev/trainer-")
    name = result.stdout.split("/")[1].split()[0]
    spec = shared_team.get("mltask", name)["spec"]
    assert spec["command"] == ["train", "-v"]
    assert spec["resources"]["requests"] == {"cpu": "1", "nvidia.com/gpu": "1"}
    assert mltask(shared_team, "cancel", name).returncode == 0


def test_a_manifest_of_a_dry_run_is_one_that_kubectl_applies(shared_team: Team) -> None:
    result = mltask(shared_team, "run", "trainer:1", "--name=dry", "--dry-run=client", "--", "x")
    shared_team.kubectl("apply", "--dry-run=server", "-f", "-", stdin=result.stdout)


def test_run_waits_and_writes_the_result(shared_team: Team, tmp_path: Path) -> None:
    with running(shared_team, tmp_path, "run", "trainer:1", "--name=waits", "--wait") as waiting:
        end(shared_team, "waits", message="accuracy 0.9")
        assert waiting.ends() == 0
        assert waiting.stdout == "accuracy 0.9\n"
        assert "waits: Succeeded" in waiting.stderr


def test_run_ends_with_1_where_the_task_fails(shared_team: Team, tmp_path: Path) -> None:
    options = ("--name=fails", "--wait", "-o", "json")
    with running(shared_team, tmp_path, "run", "trainer:1", *options) as waiting:
        end(shared_team, "fails", 3, "loss is NaN")
        assert waiting.ends() == 1
        assert parsed(waiting.stdout)["status"]["exitCode"] == 3
        assert "ContainerFailed: container main ended with exit code 3" in waiting.stderr
    logs = mltask(shared_team, "logs", "fails")
    assert (logs.returncode, logs.stdout) == (0, "loss is NaN\n")


def test_ctrl_c_leaves_a_task_running_and_says_so(shared_team: Team, tmp_path: Path) -> None:
    options = ("--name=endless", "--cpu=9999", "--follow")
    with running(shared_team, tmp_path, "run", "trainer:1", *options) as waiting:
        waiting.shows("endless: Pending, Unschedulable: 0/4 nodes are available")
        assert waiting.interrupt() == 130
        assert "Interrupted. MLTask endless runs on: `kubectl mltask logs -f endless`" in (
            waiting.stderr
        )
    assert shared_team.status("endless")["phase"] == "Pending"
    cancelled = mltask(shared_team, "cancel", "endless")
    assert cancelled.stdout == "mltask.mltask.dev/endless cancelled\n"


# The API server's no


def test_what_is_not_there_is_told_in_the_servers_words(shared_team: Team) -> None:
    result = mltask(shared_team, "logs", "none")
    assert result.returncode == 3
    assert result.stderr.startswith('error: mltasks.mltask.dev "none" not found. `kubectl get')


def test_an_invalid_spec_is_told_in_the_servers_words(shared_team: Team) -> None:
    result = mltask(shared_team, "run", "trainer:1", "--name=t", "--cpu=banana")
    assert result.returncode == 3
    assert 'MLTask.mltask.dev "t" is invalid: [spec.resources.requests.cpu' in result.stderr


def test_what_one_may_not_do_is_told_in_the_servers_words(
    shared_team: Team, cluster: Cluster
) -> None:
    nobody = cluster.kubeconfig_for_service_account(shared_team.namespace, "default")
    result = mltask(shared_team, "run", "trainer:1", "--kubeconfig", str(nobody))
    assert result.returncode == 3
    assert 'cannot create resource "mltasks"' in result.stderr
    assert "Ask an administrator" in result.stderr


def test_a_context_that_is_not_there(shared_team: Team) -> None:
    result = mltask(shared_team, "watch", "--context=none")
    assert result.returncode == 3
    assert "there is no context 'none'" in result.stderr


# watch


def test_watch_shows_tasks_what_they_wait_for_and_capacity(
    team: Team, operator: object, tmp_path: Path
) -> None:
    quota(team, pods="1")
    team.run("first")
    team.wait_for_phase("first", "Running")
    team.run("second", fate={"run_seconds": 0.1})
    team.wait_for_reason("second", "QuotaExceeded")
    with running(team, tmp_path, "watch") as watching:
        watching.shows("0 of 2 finished: 1 Running, 1 Pending")
        watching.shows("exceeded quota: compute")
        watching.shows("nodes: cpu ")
        watching.shows(f"quota {team.namespace}/compute: pods 1 of 1")
        end(team, "first")
        watching.shows("second   Succeeded   Completed")
        assert watching.interrupt() == 130
        assert "Interrupted. The tasks run on." in watching.stderr


def test_watch_writes_each_state_as_json(shared_team: Team, tmp_path: Path) -> None:
    options = ("-o", "json", "-l", "state=json")
    with running(shared_team, tmp_path, "watch", *options) as watching:
        shared_team.run("states", fate={"run_seconds": 0.1})
        shared_team.kubectl("label", "mltask", "states", "state=json")
        watching.shows('"phase": "Succeeded"')
        watching.interrupt()
        lines = [parsed(line) for line in watching.stdout.splitlines()]
    assert {line["metadata"]["name"] for line in lines} == {"states"}
    assert lines[-1]["status"]["phase"] == "Succeeded"


def test_watch_tells_what_one_may_not_look_at(
    shared_team: Team, cluster: Cluster, tmp_path: Path
) -> None:
    shared_team.kubectl("create", "serviceaccount", "looks")
    rights = ("--verb=get,list,watch", "--resource=mltasks.mltask.dev")
    shared_team.kubectl("create", "role", "looks", *rights)
    account = f"--serviceaccount={shared_team.namespace}:looks"
    shared_team.kubectl("create", "rolebinding", "looks", "--role=looks", account)
    kubeconfig = cluster.kubeconfig_for_service_account(shared_team.namespace, "looks")
    with running(shared_team, tmp_path, "watch", "--kubeconfig", str(kubeconfig)) as watching:
        watching.shows("nodes: you may not list nodes")
        watching.shows("quota: you may not list resourcequotas")


# top, cancel, retry


def test_top_sums_what_was_held(shared_team: Team) -> None:
    names = ["top-a", "top-b"]
    for name in names:
        resources = {"requests": {"cpu": "36", "nvidia.com/gpu": 2}}
        shared_team.run(name, resources=resources, fate={"run_seconds": 2})
        shared_team.kubectl("label", "mltask", name, "team=top")
    seconds = sum(shared_team.finish(name)["allocation"]["seconds"] for name in names)
    [total] = parsed(
        mltask(shared_team, "top", "-l", "team=top", "--by=label:team", "-o", "json").stdout
    )
    assert total["name"] == "top"
    assert total["tasks"] == 2
    assert total["cpuHours"] == pytest.approx(36 * seconds / 3600)
    assert total["gpuHours"] == pytest.approx(2 * seconds / 3600)
    table = mltask(shared_team, "top", "--by=task", "-l", "team=top").stdout.splitlines()
    assert table[0].split() == ["TASK", "TASKS", "CPU-HOURS", "MEMORY-GIB-HOURS", "GPU-HOURS"]
    assert len(table) == 3


def test_cancel_ends_what_is_open_and_leaves_what_is_finished(shared_team: Team) -> None:
    shared_team.run("over", fate={"run_seconds": 0.1})
    shared_team.run("open")
    for name in ("over", "open"):
        shared_team.kubectl("label", "mltask", name, "cancel=me")
    shared_team.finish("over")
    refused = mltask(shared_team, "cancel", "over")
    assert refused.returncode == 3
    assert "has Succeeded already: there is nothing to cancel" in refused.stderr
    cancelled = mltask(shared_team, "cancel", "-l", "cancel=me", "-o", "json")
    assert cancelled.returncode == 0
    assert [item["metadata"]["name"] for item in parsed(cancelled.stdout)["items"]] == ["open"]
    shared_team.wait_for_no_pods("open")
    assert shared_team.status("over")["phase"] == "Succeeded"


def test_retry_makes_a_new_task_of_a_finished_one(shared_team: Team, tmp_path: Path) -> None:
    shared_team.run("again", env=[{"name": "LR", "value": "0.1"}])
    refused = mltask(shared_team, "retry", "again")
    assert refused.returncode == 3
    assert "may still succeed: wait for its end" in refused.stderr
    end(shared_team, "again", 1)
    shared_team.finish("again")
    with running(shared_team, tmp_path, "retry", "again", "--wait") as retrying:
        end(shared_team, "again-r1")
        assert retrying.ends() == 0
    new, old = (shared_team.get("mltask", name) for name in ("again-r1", "again"))
    assert new["metadata"]["annotations"]["mltask.dev/retry-of"] == "again"
    assert new["spec"]["env"] == old["spec"]["env"]
    assert "already exists" in mltask(shared_team, "retry", "again").stderr
