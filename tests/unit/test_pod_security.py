"""What a task's Pod may not do unless its template says so."""

from typing import Any

import pytest

from mltask_operator.kube.parse import task_from
from mltask_operator.lifecycle.manifest import pod_manifest
from tests.unit.bodies import Json, task_body
from tests.unit.builders import SPEC

RESTRICTED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
RUNTIME_DEFAULT = {"type": "RuntimeDefault"}


def pod_spec(template: Json | None = None, **spec: Any) -> Json:
    """Return the spec of the first Pod of a task with this Pod spec in its template."""
    body = task_body()
    body["spec"] = {**SPEC, "template": {"spec": template or {}}, **spec}
    found: Json = pod_manifest(task_from(body), body["spec"], 1)["spec"]
    return found


def context_of_main(given: Json) -> Json:
    main = {"name": "main", "securityContext": given}
    [container] = pod_spec({"containers": [main]})["containers"]
    found: Json = container["securityContext"]
    return found


def test_every_container_is_restricted() -> None:
    sidecar = {"name": "proxy", "image": "envoy:1", "restartPolicy": "Always"}
    spec = pod_spec(
        {"initContainers": [{"name": "fetch"}, sidecar], "containers": [{"name": "logs"}]},
        steps=[{"name": "a"}, {"name": "b"}],
    )
    everyone = {c["name"]: c for c in (*spec["initContainers"], *spec["containers"])}
    assert set(everyone) == {"fetch", "proxy", "a", "b", "logs"}
    assert all(c["securityContext"] == RESTRICTED for c in everyone.values())


def test_the_pod_gets_a_seccomp_profile_but_no_token_and_no_service_links() -> None:
    spec = pod_spec({"serviceAccountName": "trainer"})
    assert spec["securityContext"] == {"seccompProfile": RUNTIME_DEFAULT}
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False


def test_what_the_template_says_of_the_pod_wins() -> None:
    given = {
        "automountServiceAccountToken": True,
        "enableServiceLinks": True,
        "securityContext": {"seccompProfile": {"type": "Unconfined"}},
    }
    spec = pod_spec(given)
    assert {field: spec[field] for field in given} == given


def test_other_fields_of_the_pods_context_do_not_displace_the_default() -> None:
    spec = pod_spec({"securityContext": {"runAsNonRoot": True}})
    assert spec["securityContext"] == {"runAsNonRoot": True, "seccompProfile": RUNTIME_DEFAULT}


@pytest.mark.parametrize(
    "given",
    [
        {"allowPrivilegeEscalation": True},
        {"capabilities": {}},
        {"capabilities": {"add": ["NET_ADMIN"]}},
        {"runAsUser": 1000},
    ],
    ids=str,
)
def test_what_the_template_says_of_a_container_wins_field_by_field(given: Json) -> None:
    assert context_of_main(given) == {**RESTRICTED, **given}


@pytest.mark.parametrize(
    "given",
    [
        {"privileged": True},
        {"capabilities": {"add": ["SYS_ADMIN"]}},
        {"capabilities": {"add": ["CAP_SYS_ADMIN"]}},
    ],
    ids=str,
)
def test_no_default_contradicts_the_template(given: Json) -> None:
    # The API server refuses such a container with allowPrivilegeEscalation: false.
    assert context_of_main(given) == given


def test_an_unprivileged_container_that_says_so_is_restricted() -> None:
    assert context_of_main({"privileged": False}) == {**RESTRICTED, "privileged": False}


def test_windows_pods_get_no_fields_of_linux() -> None:
    spec = pod_spec({"os": {"name": "windows"}, "initContainers": [{"name": "fetch"}]})
    assert "securityContext" not in spec
    assert all("securityContext" not in c for c in (*spec["initContainers"], *spec["containers"]))
    assert spec["automountServiceAccountToken"] is False
