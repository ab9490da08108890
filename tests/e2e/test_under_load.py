"""On a real node, in the midst of a load: the chart is upgraded to a new version, the leader dies.

Each of the tasks is one Pod that a kubelet runs, and the operators are the Pods of the chart.
"""

import re
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import psutil
import pytest

import mltask_operator
from localcluster import Cluster
from supplychain import image
from tests.api.audit import assert_each_ran_once
from tests.api.team import Team
from tests.chaos.record import Record, recorded
from tests.chart.chart import CHART, HOME, NAME, OPERATOR, ROOT
from tests.e2e.test_chart_install import install, uninstall
from tests.waiting import BOUND, wait_until

pytestmark = pytest.mark.node

LOAD = 12
NEXT = "99.0.0"
LEASE_SECONDS = 15
"""The operator's default."""


@pytest.fixture
def team(cluster: Cluster) -> Iterator[Team]:
    """The chart, installed, and a team's tasks of eight seconds each, six of them at a time."""
    install(cluster)
    team = Team.create(cluster)
    apply(team, 0, LOAD)
    team.wait_until_finished(LOAD // 10)
    assert not team.has_finished(LOAD // 2 + 1), "the second half is still to run"
    yield team
    cluster.kubectl("delete", "namespace", team.namespace, "--timeout=180s")
    uninstall(cluster)


@pytest.fixture
def next_version(cluster: Cluster, tmp_path: Path) -> Path:
    """The chart of a version to come, whose image lies on the node and whose CRD shows more."""
    source = tmp_path / "source"
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if line.startswith("!"):
            copied = source / line[1:]
            copied.parent.mkdir(parents=True, exist_ok=True)
            copy = shutil.copytree if (ROOT / line[1:]).is_dir() else shutil.copy
            copy(ROOT / line[1:], copied)
    of_package = source / "operator" / "mltask_operator" / "__init__.py"
    of_package.write_text(of_package.read_text().replace(mltask_operator.__version__, NEXT))
    cluster.import_image(image.build(source, NEXT))

    chart = tmp_path / "chart"
    shutil.copytree(CHART, chart)
    about = chart / "Chart.yaml"
    about.write_text(re.sub(r"(?m)^(version|appVersion):.*$", rf'\1: "{NEXT}"', about.read_text()))
    definition = chart / "files" / "crds" / "mltasks.yaml"
    column = "- name: Image\n      type: string\n      jsonPath: .spec.image\n    "
    head, columns, rest = definition.read_text().partition("additionalPrinterColumns:\n    ")
    assert columns
    definition.write_text(f"{head}{columns}{column}{rest}")
    return chart


def test_an_upgrade_loses_nothing(
    cluster: Cluster, next_version: Path, team: Team, record: Record
) -> None:
    how = "`helm upgrade` to another version, with its image and its CRD, on a real node"
    with recorded(record, "upgraded under load", how) as took:
        values = ("--reset-then-reuse-values", "--wait", "--timeout=300s")
        upgrade = ("upgrade", NAME, str(next_version), *HOME, *values)
        with ThreadPoolExecutor() as pool:
            count = keep_loaded(team, pool.submit(cluster.helm, *upgrade))
        assert_each_ran_once(team, count)
        old, new = writes(team, mltask_operator.__version__), writes(team, NEXT)
        assert max(old) < min(new), "one version after the other"
        took((min(new) - max(old)).total_seconds())
        assert "IMAGE" in team.kubectl("get", "mltasks"), "the definition is the new one"


def test_the_leader_dies(cluster: Cluster, team: Team, record: Record) -> None:
    how = f"SIGKILL on a real node, with the chart's standby and its Lease of {LEASE_SECONDS} s"
    with recorded(record, "leader crashed, installed by the chart", how) as took:
        leader = leader_of(cluster)
        [standby] = set(operators(cluster)) - {leader}
        process_of(leader).kill()
        killed_at = time.monotonic()
        wait_until(lambda: leader_of(cluster) == standby, "the standby leads", 2 * LEASE_SECONDS)
        took(time.monotonic() - killed_at)
        assert_each_ran_once(team, LOAD)


def apply(team: Team, first: int, last: int) -> None:
    """Create tasks of eight seconds each, of which six fit on the node."""
    kind = {"apiVersion": "mltask.dev/v1alpha1", "kind": "MLTask"}
    spec = {
        "image": "busybox:1.37",
        "command": ["sleep", "8"],
        "resources": {"requests": {"cpu": "300m"}},
    }
    team.apply(*({**kind, "metadata": {"name": f"t{i}"}, "spec": spec} for i in range(first, last)))


def keep_loaded(team: Team, upgrade: Future[str]) -> int:
    """Create more tasks as others finish, until the upgrade is done; return how many there were."""
    count = LOAD

    def is_done() -> bool:
        nonlocal count
        if team.has_finished(count - LOAD // 2):
            apply(team, count, count + LOAD // 2)
            count += LOAD // 2
        return upgrade.done()

    wait_until(is_done, "the upgrade is done", 3 * BOUND)
    upgrade.result()
    return count


def writes(team: Team, version: str) -> list[datetime]:
    """Return when this version of the operator wrote to the team's tasks and Pods."""
    return [
        datetime.fromisoformat(event["requestReceivedTimestamp"])
        for event in team.cluster.audit_log.events(about=team.namespace)
        if event["user"]["username"] == OPERATOR
        and event["userAgent"].startswith(f"mltask-operator/{version}")
        and event.get("objectRef", {}).get("namespace") == team.namespace
        and event["verb"] in ("create", "patch", "delete")
    ]


def operators(cluster: Cluster) -> list[str]:
    """Return the names of the operator's Pods."""
    selector = ("--selector", f"app.kubernetes.io/name={NAME}", "--output", "name")
    return [
        name.removeprefix("pod/")
        for name in cluster.kubectl("get", "pods", *HOME, *selector).split()
    ]


def leader_of(cluster: Cluster) -> str:
    """Return the name of the Pod whose operator holds the Lease."""
    holder = ("-o", "jsonpath={.spec.holderIdentity}")
    return cluster.kubectl("get", "lease", NAME, *HOME, *holder).rpartition("_")[0]


def process_of(pod: str) -> psutil.Process:
    """Return the process of a Pod's container."""
    [process] = [
        process
        for process in psutil.process_iter(["cmdline", "environ"])
        if (process.info["environ"] or {}).get("HOSTNAME") == pod
    ]
    return process
