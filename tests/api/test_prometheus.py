"""A real Prometheus that scrapes the operator: what the dashboard and the alerts find there."""

import math
import re
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from localcluster import Cluster, debian
from localcluster.errors import ClusterError
from localcluster.prometheus import Prometheus, program, prometheus
from tests.api.client import Json
from tests.api.monitored import Site, monitored, see_every_kind
from tests.chart.chart import CHART
from tests.chart.test_monitoring import DASHBOARD, alerts
from tests.waiting import wait_until

ALERTS = CHART / "files" / "alerts.yaml"
REPLICAS = ("leader", "standby")


@pytest.fixture(scope="module")
def debians() -> None:
    """Debian's Prometheus is there."""
    try:
        debian.unpacked("prometheus")
    except ClusterError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def server(
    debians: None,
    cluster: Cluster,
    operator_kubeconfig: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Prometheus]:
    """A Prometheus that was there while tasks of each kind were seen to."""
    folder = tmp_path_factory.mktemp("prometheus")
    with (
        monitored(cluster, operator_kubeconfig, folder) as site,
        prometheus(dict(zip(REPLICAS, site.ports, strict=True)), folder, [ALERTS]) as started,
    ):
        wait_until(lambda: are_up(started, site), "both replicas are scraped")
        see_every_kind(site.team)
        yield started


def are_up(server: Prometheus, site: Site) -> bool:
    return [series["value"][1] for series in server.query("up")] == ["1"] * len(site.ports)


def has_data(server: Prometheus, expression: str) -> bool:
    """Whether it has a number for the expression; that of nothing at all is none."""
    return any(math.isfinite(float(series["value"][1])) for series in server.query(expression))


@pytest.mark.parametrize("panel", DASHBOARD["panels"], ids=lambda panel: panel["title"])
def test_each_panel_of_the_dashboard_has_data(server: Prometheus, panel: Json) -> None:
    for target in panel["targets"]:
        expression = target["expr"].replace("$job", ".*").replace("$__rate_interval", "2m")
        wait_until(partial(has_data, server, expression), f"data for {expression}")


def test_each_alert_is_evaluated_and_none_is_about_to_fire(server: Prometheus) -> None:
    def are_evaluated() -> bool:
        return all(rule["health"] == "ok" for rule in server.alerts())

    wait_until(are_evaluated, "all alerts are evaluated")
    assert {rule["name"]: rule["state"] for rule in server.alerts()} == {
        alert["alert"]: "inactive" for alert in alerts()
    }


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])
def test_what_an_alert_looks_at_is_there(server: Prometheus, alert: Json) -> None:
    # Any number does: it is its bound that keeps the alert from firing.
    unbounded = re.sub(r" (>|==) [0-9.]+", "", alert["expr"])
    of_any_reason = re.sub(r'\{reason=~"[^"]+"\}', "", unbounded)
    of_any_code = re.sub(r'\{code=~"[^"]+"\}', "", of_any_reason)
    wait_until(partial(has_data, server, of_any_code), f"data for {of_any_code}")


def test_promtool_finds_nothing_wrong_with_the_alerts(debians: None) -> None:
    check = [str(program("promtool")), "check", "rules", str(ALERTS)]
    ended = subprocess.run(check, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert f"{len(alerts())} rules found" in ended.stdout
