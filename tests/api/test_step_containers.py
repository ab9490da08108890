"""The containers of a Pod with steps: what the spec, its template and each step say of them."""

from tests.api.pipelines import QUICK, column, steps
from tests.api.team import Json, Team, outcome
from tests.api.watch import Watch

SCRATCH: Json = {"name": "scratch", "mountPath": "/mltask/scratch"}
PULLS: Json = {"name": "proxy", "image": "proxy:1", "restartPolicy": "Always"}
FETCHES: Json = {"name": "fetch", "image": "fetch:1"}
REPORTS: Json = {"name": "reporter", "image": "reporter:1"}


def value(name: str, text: str) -> Json:
    """Return an environment variable."""
    return {"name": name, "value": text}


def made(team: Team, task: str) -> tuple[dict[str, Json], Json]:
    """Return the containers of the task's Pod, by name in the order of their start, and its spec.

    The API server's own defaults and mounts are left out.
    """
    spec = team.pod_of(task)["spec"]
    return {c["name"]: c for c in (*spec.get("initContainers", ()), *spec["containers"])}, spec


def mounts(container: Json) -> list[Json]:
    """Return what a container mounts, but for the token that every Pod is given."""
    return [m for m in container["volumeMounts"] if not m["name"].startswith("kube-api-access")]


def test_a_step_overlays_the_spec_which_overlays_the_templates_main(shared_team: Team) -> None:
    main = {
        "name": "main",
        "image": "template:1",
        "workingDir": "/template",
        "env": [value("A", "template"), value("B", "template"), value("C", "template")],
        "securityContext": {"runAsUser": 1000},
    }
    shared_team.run(
        "overlaid",
        template={"spec": {"containers": [main]}},
        env=[value("B", "spec"), value("C", "spec")],
        workingDir="/spec",
        steps=[
            {"name": "plain"},
            {
                "name": "own",
                "image": "step:1",
                "command": ["python"],
                "args": ["-V"],
                "workingDir": "/step",
                "env": [value("C", "step"), value("D", "step")],
            },
            {"name": "last", "env": [value("A", "step")]},
        ],
    )
    containers, spec = made(shared_team, "overlaid")
    assert list(containers) == ["plain", "own", "last"]
    assert [c["name"] for c in spec["containers"]] == ["last"]

    fields = ("image", "command", "args", "workingDir")
    plain, own, last = containers.values()
    assert [plain.get(field) for field in fields] == ["trainer:1", None, None, "/spec"]
    assert [own.get(field) for field in fields] == ["step:1", ["python"], ["-V"], "/step"]
    assert [last.get(field) for field in fields] == ["trainer:1", None, None, "/spec"]
    environments = [{v["name"]: v["value"] for v in c["env"]} for c in (plain, own, last)]
    assert environments == [
        {"A": "template", "B": "spec", "C": "spec"},
        {"A": "template", "B": "spec", "C": "step", "D": "step"},
        {"A": "step", "B": "spec", "C": "spec"},
    ]
    for container in containers.values():
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "runAsUser": 1000,
        }
        assert container["resources"] == {"requests": {"cpu": "100m"}}
        assert container["terminationMessagePolicy"] == "FallbackToLogsOnError"


def test_all_steps_mount_one_empty_directory(shared_team: Team) -> None:
    shared_team.run("scratch", steps=steps("a", "b", "c"))
    containers, spec = made(shared_team, "scratch")
    assert [mounts(container) for container in containers.values()] == [[SCRATCH]] * 3
    assert {"name": "scratch", "emptyDir": {}} in spec["volumes"]


def test_a_volume_of_the_template_takes_its_place(shared_team: Team) -> None:
    data = {"name": "data", "mountPath": "/data"}
    volumes = [
        {"name": "scratch", "emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}},
        {"name": "data", "emptyDir": {}},
    ]
    main = {"name": "main", "volumeMounts": [data]}
    shared_team.run(
        "own-scratch",
        template={"spec": {"volumes": volumes, "containers": [main]}},
        steps=steps("a", "b"),
    )
    containers, spec = made(shared_team, "own-scratch")
    assert [mounts(container) for container in containers.values()] == [[data, SCRATCH]] * 2
    assert [v for v in spec["volumes"] if v["name"] in ("scratch", "data")] == volumes

    elsewhere = {"name": "scratch", "mountPath": "/elsewhere"}
    main = {"name": "main", "volumeMounts": [elsewhere]}
    shared_team.run("moved", template={"spec": {"containers": [main]}}, steps=steps("a", "b"))
    containers, spec = made(shared_team, "moved")
    assert [mounts(container) for container in containers.values()] == [[elsewhere]] * 2
    assert {"name": "scratch", "emptyDir": {}} in spec["volumes"]


def test_other_containers_of_the_template_run_before_and_beside_the_steps(
    shared_team: Team, pods: Watch
) -> None:
    template = {"spec": {"initContainers": [PULLS, FETCHES], "containers": [REPORTS]}}
    fate = {**QUICK, "exit_code.b": 3}
    shared_team.run(
        "accompanied",
        fate=fate,
        template=template,
        steps=steps("a", "b", "c"),
        stepFailurePolicy="Continue",
    )
    status = shared_team.finish("accompanied")
    assert outcome(status) == ("Failed", "StepFailed", 2, 1)
    assert column(status, "phase") == ["Succeeded", "Failed", "Succeeded"]
    # The template's containers belong to the Pod, and so to each allocation.
    assert pods.runs("accompanied", 2) == {
        "proxy": [1, 2],
        "fetch": [1, 2],
        "a": [1],
        "b": [1],
        "c": [2],
        "reporter": [2],
    }
    first, second = pods.removed("accompanied")
    assert order(first) == ["proxy", "fetch", "a", "b", "c", "reporter"]
    assert order(second) == ["proxy", "fetch", "c", "reporter"]


def order(pod: Json) -> list[str]:
    """Return the names of a Pod's containers: those that initialize it, then the others."""
    spec = pod["spec"]
    return [c["name"] for c in (*spec["initContainers"], *spec["containers"])]


def test_steps_that_succeeded_are_the_tasks_success_where_another_container_fails(
    shared_team: Team, pods: Watch
) -> None:
    shared_team.run(
        "let-down",
        fate={**QUICK, "exit_code.reporter": 5, "message.reporter": "no route"},
        template={"spec": {"containers": [REPORTS]}},
        steps=steps("a", "b"),
        backoffLimit=3,
    )
    status = shared_team.finish("let-down")
    assert outcome(status) == ("Succeeded", "Completed", 1, 0)
    assert "other containers did not: reporter" in status["message"]
    assert column(status, "phase") == ["Succeeded", "Succeeded"]
    assert pods.runs("let-down", 1) == {"a": [1], "b": [1], "reporter": [1]}
