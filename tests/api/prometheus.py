"""Prometheus itself, beside an operator: Debian's, fetched and not installed."""

import json
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import yaml

from localcluster import debian
from tests.api.operator_process import free_port
from tests.api.team import Json
from tests.chart.chart import CHART
from tests.waiting import wait_until

ALERTS = CHART / "files" / "alerts.yaml"


def program(name: str) -> Path:
    """Return prometheus or promtool. Raise ClusterError where it cannot be had."""
    return debian.unpacked("prometheus") / "usr" / "bin" / name


class Prometheus:
    """A Prometheus that listens on this port."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"

    def is_ready(self) -> bool:
        """Whether it answers."""
        try:
            with urllib.request.urlopen(f"{self._url}/-/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def query(self, expression: str) -> list[Json]:
        """Return the series that the expression has now."""
        found: list[Json] = self._ask(f"query?{urllib.parse.urlencode({'query': expression})}")[
            "result"
        ]
        return found

    def alerts(self) -> list[Json]:
        """Return its alerting rules, with their state and health."""
        groups = self._ask("rules?type=alert")["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def _ask(self, what: str) -> Json:
        with urllib.request.urlopen(f"{self._url}/api/v1/{what}", timeout=10) as answer:
            data: Json = json.load(answer)["data"]
            return data


@contextmanager
def prometheus(targets: Sequence[int], folder: Path) -> Iterator[Prometheus]:
    """Have one that scrapes these ports each second, with the chart's alerts."""
    configuration = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(ALERTS)],
        "scrape_configs": [
            {
                "job_name": "mltask-operator",
                "honor_labels": True,
                "static_configs": [{"targets": [f"127.0.0.1:{port}" for port in targets]}],
            }
        ],
    }
    file, port = folder / "prometheus.yml", free_port()
    file.write_text(yaml.safe_dump(configuration))
    options = (f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address=127.0.0.1:{port}")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [program("prometheus"), f"--config.file={file}", *options], stdout=log, stderr=log
        )
    try:
        started = Prometheus(port)
        wait_until(started.is_ready, "Prometheus is ready")
        yield started
    finally:
        process.terminate()
        process.wait(20)
