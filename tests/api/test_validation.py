"""What an MLTask may say is kept and explained; what is refused stands in test_bad_input.py."""

import json
import re

import pytest

from tests.api.team import Team, manifest


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
