"""Prometheus beside an operator: Debian's, fetched and not installed."""

import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import yaml

from localcluster.loopback import urlopen

from . import debian
from .cluster import Cluster
from .errors import ClusterError
from .operator_process import free_port

Json = dict[str, Any]

JOB = "mltask-operator"
SCRAPE_SECONDS = 1
START_SECONDS = 60
STOP_SECONDS = 20
LOG_TAIL_LINES = 15


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
            with urlopen(f"{self._url}/-/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def query(self, expression: str) -> list[Json]:
        """Return the series that the expression has now."""
        found: list[Json] = self._ask("query", query=expression)["result"]
        return found

    def query_range(self, expression: str, start: float, end: float, step: int) -> list[Json]:
        """Return the series that the expression has between two times, a value each `step`."""
        found: list[Json] = self._ask(
            "query_range", query=expression, start=start, end=end, step=step
        )["result"]
        return found

    def label_values(self, metric: str, label: str) -> list[str]:
        """Return the values that the label has at series of this metric."""
        found: list[str] = self._ask(f"label/{label}/values", **{"match[]": metric})
        return found

    def alerts(self) -> list[Json]:
        """Return its alerting rules, with their state and health."""
        groups = self._ask("rules", type="alert")["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def _ask(self, what: str, **parameters: str | float) -> Any:
        url = f"{self._url}/api/v1/{what}?{urlencode(parameters)}"
        with urlopen(url, timeout=30) as answer:
            return json.load(answer)["data"]


@contextmanager
def prometheus(
    targets: Mapping[str, int],
    folder: Path,
    rules: Sequence[Path] = (),
    ends_with: Cluster | None = None,
) -> Iterator[Prometheus]:
    """Have one that scrapes operators each second: their ports by the name of the instance.

    Raise ClusterError where it cannot be had or does not start.
    """
    file, port = folder / "prometheus.yml", free_port()
    file.write_text(yaml.safe_dump(_configuration(targets, rules)))
    options = (f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address=127.0.0.1:{port}")
    log = folder / "prometheus.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [program("prometheus"), f"--config.file={file}", *options],
            env=os.environ | (ends_with.environment if ends_with else {}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C is for its owner, who ends it then
        )
    try:
        started = Prometheus(port)
        _wait_until_ready(started, process, log)
        yield started
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _configuration(targets: Mapping[str, int], rules: Sequence[Path]) -> Json:
    interval = f"{SCRAPE_SECONDS}s"
    return {
        "global": {"scrape_interval": interval, "evaluation_interval": interval},
        "rule_files": [str(path) for path in rules],
        "scrape_configs": [
            {
                "job_name": JOB,
                "honor_labels": True,
                "static_configs": [
                    {"targets": [f"127.0.0.1:{port}"], "labels": {"instance": name}}
                    for name, port in targets.items()
                ],
            }
        ],
    }


def _wait_until_ready(started: Prometheus, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not started.is_ready():
        if process.poll() is not None or time.monotonic() > deadline:
            end = "\n".join(log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:])
            raise ClusterError(f"Prometheus does not answer. The end of its log:\n{end}")
        time.sleep(0.05)
