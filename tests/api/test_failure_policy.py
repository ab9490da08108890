"""podFailurePolicy: what is done with an attempt that failed in a certain way."""

from tests.api import kubelet
from tests.api.team import Json, Team, manifest, outcome

FAILS = {"run_seconds": 0, "exit_code": 3}
AT_ONCE = {"baseSeconds": 1, "maxSeconds": 1}


def on_codes(action: str, operator: str, *values: int, **more: str) -> Json:
    """Return a rule of podFailurePolicy for exit codes."""
    return {
        "action": action,
        "onExitCodes": {"operator": operator, "values": list(values), **more},
    }


def on_condition(action: str, **condition: str) -> Json:
    """Return a rule of podFailurePolicy for a condition of the Pod."""
    return {"action": action, "onPodConditions": [condition]}


def test_rules_for_exit_codes(shared_team: Team) -> None:
    policies: dict[str, tuple[list[Json], tuple[str, str, int, int]]] = {
        "in": ([on_codes("Fail", "In", 2, 3)], ("Failed", "PodFailurePolicy", 1, 1)),
        "not-in": ([on_codes("Fail", "NotIn", 1, 2)], ("Failed", "PodFailurePolicy", 1, 1)),
        "another-code": (
            [on_codes("Fail", "In", 1), on_codes("Fail", "NotIn", 3)],
            ("Failed", "ContainerFailed", 2, 2),
        ),
        "another-container": (
            [on_codes("Fail", "NotIn", 1, containerName="sidecar")],
            ("Failed", "ContainerFailed", 2, 2),
        ),
        "this-container": (
            [on_codes("Fail", "In", 3, containerName="main")],
            ("Failed", "PodFailurePolicy", 1, 1),
        ),
        "first-match": (
            [on_codes("Count", "In", 3), on_codes("Fail", "In", 3)],
            ("Failed", "ContainerFailed", 2, 2),
        ),
    }
    sidecar = {"spec": {"containers": [{"name": "sidecar", "image": "sidecar:1"}]}}
    shared_team.apply(
        *(
            manifest(
                name,
                fate=FAILS,
                template=sidecar,
                backoffLimit=1,
                backoff=AT_ONCE,
                podFailurePolicy={"rules": rules},
            )
            for name, (rules, _) in policies.items()
        )
    )
    outcomes = {name: outcome(shared_team.finish(name)) for name in policies}
    assert outcomes == {name: expected for name, (_, expected) in policies.items()}
    assert shared_team.status("this-container")["message"] == (
        "container main ended with exit code 3; rule 0 of podFailurePolicy says Fail"
    )


def test_an_ignored_failure_is_not_counted(shared_team: Team) -> None:
    team = shared_team
    team.run("ignored", podFailurePolicy={"rules": [on_codes("Ignore", "In", 42)]})
    for attempt, exit_code in ((1, 42), (2, 42), (3, 1)):
        kubelet.end(team, "ignored", attempt, exit_code)
    status = team.finish("ignored")
    assert outcome(status) == ("Failed", "ContainerFailed", 3, 1)
    assert [record["exitCode"] for record in status["history"]] == [42, 42]


def test_rules_for_conditions(shared_team: Team) -> None:
    team = shared_team
    rules = [
        on_condition("Fail", type="example.com/BadConfig", status="False"),
        on_condition("Fail", type="example.com/BadData"),
    ]
    conditions = {"data-is-bad": "BadData", "config-is-bad": "BadConfig"}
    for name in conditions:
        team.run(name, podFailurePolicy={"rules": rules}, backoffLimit=1, backoff=AT_ONCE)
    for name, condition in conditions.items():
        pod = team.pod_of(name, 1)["metadata"]["name"]
        told = {"type": f"example.com/{condition}", "status": "True"}
        kubelet.report(team, pod, conditions=[told])
        kubelet.end(team, name, exit_code=1)
    status = team.finish("data-is-bad")
    assert outcome(status) == ("Failed", "PodFailurePolicy", 1, 1)
    assert "rule 1 of podFailurePolicy says Fail" in status["message"]
    # The rule for it wants the status False.
    kubelet.end(team, "config-is-bad", attempt=2)
    assert outcome(team.finish("config-is-bad")) == ("Succeeded", "Completed", 2, 1)


def test_rules_for_disruptions(shared_team: Team) -> None:
    team = shared_team
    actions = {"counts": "Count", "fails": "Fail", "ignores": "Ignore"}
    for name, action in actions.items():
        rule = on_condition(action, type="DisruptionTarget")
        team.run(name, podFailurePolicy={"rules": [rule]})
    for name in actions:
        team.wait_for_phase(name, "Running")
        team.evict(team.status(name)["podName"])
    assert outcome(team.finish("counts")) == ("Failed", "PodEvicted", 1, 1)
    assert outcome(team.finish("fails")) == ("Failed", "PodFailurePolicy", 1, 1)
    kubelet.end(team, "ignores", attempt=2)
    assert outcome(team.finish("ignores")) == ("Succeeded", "Completed", 2, 0)
    assert not any("disruptions" in team.status(name) for name in actions)
