"""Tasks in namespaces where Pod Security decides, on a real API server."""

from tests.api.operator_process import OperatorProcess
from tests.api.team import Json, Team, manifest

STEPS = [{"name": "prepare"}, {"name": "train"}]
NON_ROOT = {"spec": {"securityContext": {"runAsNonRoot": True}}}
BRIEF = {"run_seconds": 0.2}


def enforce(team: Team, profile: str) -> None:
    team.kubectl(
        *("label", "namespace", team.namespace, f"pod-security.kubernetes.io/enforce={profile}")
    )


def test_a_task_that_is_not_root_runs_where_restricted_is_enforced(
    team: Team, operator: OperatorProcess
) -> None:
    enforce(team, "restricted")
    team.apply(
        manifest("single", fate=BRIEF, template=NON_ROOT),
        manifest("stepwise", fate=BRIEF, template=NON_ROOT, steps=STEPS),
    )
    assert team.finish("single")["phase"] == "Succeeded"
    assert team.finish("stepwise")["phase"] == "Succeeded"


def test_only_the_user_is_missing_for_restricted_and_the_task_says_so(
    team: Team, operator: OperatorProcess
) -> None:
    enforce(team, "restricted")
    team.run("train")
    status = team.finish("train")
    assert (status["phase"], status["reason"]) == ("Failed", "PodForbidden")
    message = status["message"]
    assert 'violates PodSecurity "restricted:latest": runAsNonRoot != true' in message
    others = ("allowPrivilegeEscalation", "capabilities", "seccompProfile")
    assert [field for field in others if field in message] == []
    assert team.pods() == []


def test_the_template_overrides_every_default_where_the_namespace_allows_it(
    team: Team, operator: OperatorProcess
) -> None:
    template: Json = {
        "spec": {
            "automountServiceAccountToken": True,
            "enableServiceLinks": True,
            "securityContext": {"seccompProfile": {"type": "Unconfined"}},
            "containers": [
                {"name": "main", "securityContext": {"privileged": True}},
                {
                    "name": "mounter",
                    "image": "mounter:1",
                    "securityContext": {"capabilities": {"add": ["CAP_SYS_ADMIN"]}},
                },
            ],
        }
    }
    team.run("train", fate={"run_seconds": 2}, template=template)
    spec = team.pod_of("train")["spec"]
    assert spec["automountServiceAccountToken"] is True
    assert spec["enableServiceLinks"] is True
    assert spec["securityContext"] == {"seccompProfile": {"type": "Unconfined"}}
    contexts = [container["securityContext"] for container in spec["containers"]]
    assert contexts == [{"privileged": True}, {"capabilities": {"add": ["CAP_SYS_ADMIN"]}}]
    assert team.finish("train")["phase"] == "Succeeded"


def test_a_pod_for_windows_is_not_refused_for_fields_of_linux(
    team: Team, operator: OperatorProcess
) -> None:
    team.run("train", fate=BRIEF, template={"spec": {"os": {"name": "windows"}}})
    assert team.pod_of("train")["spec"]["os"] == {"name": "windows"}
