"""What the chart gives to Prometheus and to Grafana, looked at without a cluster."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from mltask_operator.api.reasons import Reason
from tests.chart.chart import CHART, ROOT, Objects, Render

ALERTS = yaml.safe_load((CHART / "files" / "alerts.yaml").read_text())
DASHBOARD = json.loads((CHART / "files" / "dashboard.json").read_text())
RUNBOOKS = (ROOT / "docs" / "runbooks.md").read_text()
METRICS = (ROOT / "docs" / "metrics.md").read_text()
ALL = (
    "metrics.serviceMonitor.enabled=true",
    "metrics.prometheusRule.enabled=true",
    "metrics.dashboard.enabled=true",
)
IN_NO_TABLE = {"process_cpu_seconds_total", "process_resident_memory_bytes"}


def alerts() -> list[dict[str, Any]]:
    return [rule for group in ALERTS["groups"] for rule in group["rules"]]


def expressions() -> Iterator[str]:
    yield from (alert["expr"] for alert in alerts())
    for panel in DASHBOARD["panels"]:
        yield from (target["expr"] for target in panel["targets"])


def named(objects: Objects, kind: str, end: str = "") -> dict[str, Any]:
    (found,) = (
        each for each in objects if each["kind"] == kind and each["metadata"]["name"].endswith(end)
    )
    return found


def test_by_default_both_replicas_are_found_by_a_service(render: Render) -> None:
    objects = render("crds.install=false")
    service = named(objects, "Service", "-metrics")["spec"]
    deployment = named(objects, "Deployment")["spec"]
    [container] = deployment["template"]["spec"]["containers"]
    assert service["clusterIP"] == "None"
    assert service["selector"] == deployment["selector"]["matchLabels"]
    assert {"name": "metrics", "containerPort": 8081} in container["ports"]
    assert "--metrics-port=8081" in container["args"]
    assert [port["targetPort"] for port in service["ports"]] == ["metrics"]
    kinds = {each["kind"] for each in objects}
    assert not kinds & {"ServiceMonitor", "PrometheusRule", "ConfigMap"}


def test_without_metrics_there_is_no_port_and_nothing_that_asks_for_it(render: Render) -> None:
    objects = render("crds.install=false", "metrics.enabled=false", *ALL)
    [container] = named(objects, "Deployment")["spec"]["template"]["spec"]["containers"]
    assert [port["name"] for port in container["ports"]] == ["health"]
    assert not [each for each in container["args"] if "metrics" in each]
    kinds = {each["kind"] for each in objects}
    assert not kinds & {"Service", "ServiceMonitor", "PrometheusRule", "ConfigMap"}


def test_the_monitor_selects_the_service_and_no_other(render: Render) -> None:
    objects = render("crds.install=false", *ALL, "metrics.serviceMonitor.labels.release=prometheus")
    monitor = named(objects, "ServiceMonitor")
    service = named(objects, "Service", "-metrics")
    selected = monitor["spec"]["selector"]["matchLabels"]
    assert selected.items() <= service["metadata"]["labels"].items()
    assert [each["port"] for each in monitor["spec"]["endpoints"]] == [
        port["name"] for port in service["spec"]["ports"]
    ]
    assert monitor["metadata"]["labels"]["release"] == "prometheus"


def test_rules_and_dashboard_reach_the_cluster_as_they_are_in_the_files(render: Render) -> None:
    objects = render("crds.install=false", *ALL)
    assert named(objects, "PrometheusRule")["spec"] == ALERTS
    dashboard = named(objects, "ConfigMap", "-dashboard")
    [(name, text)] = dashboard["data"].items()
    assert name.endswith(".json")
    assert json.loads(text) == DASHBOARD
    assert dashboard["metadata"]["labels"]["grafana_dashboard"] == "1"


def test_each_alert_has_its_runbook_and_each_runbook_its_alert() -> None:
    chapters = re.findall(r"^## (.*)$", RUNBOOKS, re.MULTILINE)
    assert [alert["alert"] for alert in alerts()] == chapters
    for alert in alerts():
        anchor = alert["alert"].lower()
        assert alert["annotations"]["runbook"] == f"docs/runbooks.md#{anchor}"


@pytest.mark.parametrize("expression", sorted(set(expressions())))
def test_an_expression_asks_for_metrics_and_reasons_that_there_are(expression: str) -> None:
    names = set(re.findall(r"\b(?:mltask|process)_\w+", expression))
    assert names
    for name in names - IN_NO_TABLE:
        assert f"`{name.removesuffix('_bucket')}`" in METRICS, name
    for reasons in re.findall(r'reason=~"([^"]+)"', expression):
        assert set(reasons.split("|")) <= set(Reason)


def test_the_dashboard_has_what_grafana_asks_of_a_provisioned_one() -> None:
    assert DASHBOARD["schemaVersion"] >= 36, "older ones name a data source by a mere string"
    assert re.fullmatch(r"[\w-]{1,40}", DASHBOARD["uid"])
    assert DASHBOARD["title"]
    # Grafana gives an id itself; one of a file may be another dashboard's.
    assert DASHBOARD.get("id") is None
    assert "__inputs" not in DASHBOARD, "inputs are asked for at an import by hand alone"
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    assert all(isinstance(each, int) and each > 0 for each in ids)


def test_each_panel_asks_the_data_source_that_the_reader_chooses() -> None:
    variables = {each["name"]: each for each in DASHBOARD["templating"]["list"]}
    assert (variables["datasource"]["type"], variables["datasource"]["query"]) == (
        "datasource",
        "prometheus",
    )
    askers = [*DASHBOARD["panels"], variables["job"]]
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    assert [each["datasource"] for each in askers] == [chosen] * len(askers)


@pytest.mark.parametrize("panel", DASHBOARD["panels"], ids=lambda panel: panel["title"])
def test_a_panel_says_what_it_shows_and_in_what_unit(panel: dict[str, Any]) -> None:
    assert panel["type"] == "timeseries"
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"] in {"short", "ops", "reqps", "s", "bytes"}
    references = [target["refId"] for target in panel["targets"]]
    assert references
    assert len(references) == len(set(references))
    assert all(target["legendFormat"] for target in panel["targets"])
    known = {each["name"] for each in DASHBOARD["templating"]["list"]} | {"__rate_interval"}
    for target in panel["targets"]:
        assert set(re.findall(r"\$\{?(\w+)", target["expr"])) <= known


def test_panels_lie_in_the_grid_and_on_no_other() -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in DASHBOARD["panels"]:
        x, y, w, h = (panel["gridPos"][each] for each in "xywh")
        assert min(x, y) >= 0
        assert min(w, h) >= 1
        assert x + w <= 24
        for cell in ((a, b) for a in range(x, x + w) for b in range(y, y + h)):
            assert cell not in taken, f"{panel['title']} lies on {taken[cell]}"
            taken[cell] = panel["title"]
