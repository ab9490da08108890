"""Bad manifests are refused at `kubectl apply`, in words that say what is wrong and where."""

import json
import re
from typing import Any

import pytest

from localcluster.errors import ClusterError
from tests.api.team import Team, manifest

Change = dict[str, Any]


def template(**pod_spec: Any) -> Change:
    """Return a spec field: a template with this Pod spec."""
    return {"template": {"spec": pod_spec}}


def resources(requests: Change, limits: Change | None = None) -> Change:
    """Return a spec field: these resources."""
    return {"resources": {"requests": requests, **({"limits": limits} if limits else {})}}


REFUSED = [
    ("no image", {"image": None}, 'missing required field "image"'),
    ("an empty image", {"image": ""}, "spec.image"),
    ("no resources", {"resources": None}, 'missing required field "resources"'),
    ("no requests", {"resources": {}}, 'missing required field "requests"'),
    ("no cpu or memory", resources({"nvidia.com/gpu": 1}), "requests must have at least cpu or"),
    ("empty requests", resources({}), "requests must have at least cpu or memory"),
    ("a quantity that is none", resources({"cpu": "1 core"}), "spec.resources.requests.cpu"),
    ("more than the limit", resources({"cpu": 2}, {"cpu": "1500m"}), "larger than the limit"),
    ("a misspelt field", {"comand": ["true"]}, 'unknown field "comand"'),
    ("a command that is no list", {"command": "train.py"}, "spec.command"),
    ("an environment that is a map", {"env": {"A": "b"}}, "spec.env"),
    (
        "a nameless variable",
        {"env": [{"value": "b"}]},
        'spec.env[0]): missing required field "name"',
    ),
    ("a restart policy", template(restartPolicy="OnFailure"), "restartPolicy must be Never"),
    (
        "two containers named main",
        template(containers=[{"name": "main"}, {"name": "main"}]),
        "spec.template.spec.containers[1]: Duplicate value",
    ),
    (
        "a misspelt field deep in the template",
        template(volumes=[{"name": "data", "emptyDirs": {}}]),
        'spec.template.spec.volumes[0]): unknown field "emptyDirs"',
    ),
    (
        "a Pod's name in the template",
        {"template": {"metadata": {"name": "x"}}},
        'spec.template.metadata): unknown field "name"',
    ),
    (
        "ephemeral containers",
        template(ephemeralContainers=[]),
        'spec.template.spec): unknown field "ephemeralContainers"',
    ),
    ("a wrong type deep in the template", template(nodeSelector=["a"]), "nodeSelector"),
]


@pytest.mark.parametrize(
    ("change", "words"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_refused(team: Team, change: Change, words: str) -> None:
    body = manifest("t")
    spec = {**body["spec"], **change}
    body["spec"] = {field: value for field, value in spec.items() if value is not None}
    with pytest.raises(ClusterError, match=re.escape(words)):
        team.apply(body)


def test_a_long_name_is_refused(team: Team) -> None:
    team.run("n" * 63)
    with pytest.raises(ClusterError, match="the name must have at most 63 characters"):
        team.run("n" * 64)


@pytest.mark.parametrize(
    "change", [{"image": "other"}, {"args": ["--more"]}, {"env": [{"name": "A", "value": "b"}]}]
)
def test_the_spec_is_immutable(team: Team, change: Change) -> None:
    team.run("t")
    with pytest.raises(ClusterError, match="spec is immutable: delete the MLTask and create"):
        team.run("t", **change)


def test_labels_may_change(team: Team) -> None:
    team.run("t")
    team.kubectl("label", "mltask", "t", "experiment=a")


def test_users_cannot_write_status_with_the_object(team: Team) -> None:
    team.apply({**manifest("t"), "status": {"phase": "Succeeded"}})
    assert team.status("t") == {"phase": "Pending"}


def test_the_whole_template_is_kept(team: Team) -> None:
    pod_spec = {
        "volumes": [
            {"name": "cache", "emptyDir": {"sizeLimit": "1Gi"}},
            {"name": "set", "persistentVolumeClaim": {"claimName": "digits", "readOnly": True}},
            {"name": "all", "projected": {"sources": [{"configMap": {"name": "c"}}]}},
        ],
        "tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}],
        "affinity": {
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": [
                        {"matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}]}
                    ]
                }
            }
        },
        "containers": [
            {
                "name": "main",
                "volumeMounts": [{"name": "cache", "mountPath": "/cache"}],
                "securityContext": {"capabilities": {"drop": ["ALL"]}},
                "livenessProbe": {"httpGet": {"port": "web", "path": "/"}, "periodSeconds": 5},
                "ports": [{"name": "web", "containerPort": 80}],
            }
        ],
        "initContainers": [{"name": "proxy", "image": "p", "restartPolicy": "Always"}],
        "topologySpreadConstraints": [
            {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}
        ],
    }
    team.run("t", template={"spec": pod_spec})
    assert team.get("mltask", "t")["spec"]["template"]["spec"] == pod_spec


@pytest.mark.parametrize("field", ["spec", "status", "spec.resources", "status.history"])
def test_kubectl_explains_every_field(team: Team, field: str) -> None:
    explained = team.kubectl("explain", f"mltask.{field}")
    assert "<no description>" not in explained
    fields = json.loads(team.kubectl("get", "crd", "mltasks.mltask.dev", "-o", "json"))
    schema = fields["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    for part in field.split("."):
        schema = schema["properties"][part]
    for name in schema.get("items", schema)["properties"]:
        assert re.search(rf"^  {name}\t", explained, re.MULTILINE), name
