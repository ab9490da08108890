"""Each set of values gives what Helm's linter and a real API server take."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from localcluster import Cluster, ClusterError
from tests.chart import prometheus_operator
from tests.chart.chart import CHART, ROOT, Helm, wait_until_established
from tests.chart.matrix import CASES, EVERYTHING, Case

CHECKED = ("apply", "--server-side", "--dry-run=server", "--validate=strict")
RESTRICTED = tuple(f"pod-security.kubernetes.io/{mode}" for mode in ("enforce", "warn"))
each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@each_case
def test_helm_lint_finds_nothing(helm: Helm, tmp_path: Path, case: Case) -> None:
    values = tmp_path / "values.yaml"
    values.write_text(yaml.safe_dump(case.values))
    ended = helm("lint", "--strict", "--quiet", str(CHART), "--values", str(values))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.strip() == ""


def test_everything_differs_from_every_default() -> None:
    """A value that is new gets into the matrix."""
    defaults = yaml.safe_load((CHART / "values.yaml").read_text())
    elsewhere = {"namespaces", "crds", "nameOverride"}
    assert {*defaults} - {*EVERYTHING.values} == elsewhere
    for case in CASES:
        elsewhere -= {*case.values}
    assert not elsewhere
    assert [key for key, value in EVERYTHING.values.items() if value == defaults[key]] == []


@pytest.fixture(scope="module")
def served(cluster: Cluster) -> Iterator[Cluster]:
    """The cluster knows every kind, and what is not `restricted` it refuses or warns of."""
    files = [ROOT / "crds" / "mltasks.yaml", *prometheus_operator.definitions()]
    for file in files:
        cluster.kubectl("apply", "--server-side", "-f", str(file))
    wait_until_established(cluster)
    cluster.kubectl("wait", "crd", "--all", "--for=condition=Established", "--timeout=180s")
    cluster.kubectl("label", "ns", "mltask-system", *(f"{mode}=restricted" for mode in RESTRICTED))
    yield cluster
    cluster.kubectl("label", "ns", "mltask-system", *(f"{mode}-" for mode in RESTRICTED))
    for file in files:
        cluster.kubectl("delete", "-f", str(file))


@pytest.mark.api
@each_case
def test_the_api_server_takes_every_object(
    served: Cluster, helm: Helm, tmp_path: Path, case: Case
) -> None:
    rendered = case.render(helm, tmp_path)
    objects = [each for each in yaml.load_all(rendered, yaml.CSafeLoader) if each]
    # Admission refuses a Pod whose account is not there, dry run or not.
    accounts = yaml.safe_dump_all(each for each in objects if each["kind"] == "ServiceAccount")
    served.kubectl("apply", "--server-side", "-f", "-", stdin=accounts)
    try:
        told = served.kubectl(*CHECKED, "--warnings-as-errors", "-f", "-", stdin=rendered)
    finally:
        served.kubectl("delete", "-f", "-", stdin=accounts)
    assert len(told.splitlines()) == len(objects)


@pytest.mark.api
def test_it_would_find_a_field_that_is_none(served: Cluster, helm: Helm, tmp_path: Path) -> None:
    rendered = EVERYTHING.render(helm, tmp_path)
    for field in ("honorLabels", "revisionHistoryLimit", "pendingDeadlineSeconds"):
        assert field in rendered
        with pytest.raises(ClusterError, match=f"{field}Typo: field not declared in schema"):
            served.kubectl(*CHECKED, "-f", "-", stdin=rendered.replace(field, f"{field}Typo"))


@pytest.mark.api
def test_it_would_find_a_pod_that_is_not_restricted(
    served: Cluster, helm: Helm, tmp_path: Path
) -> None:
    rendered = EVERYTHING.render(helm, tmp_path)
    laxer = rendered.replace("allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true")
    with pytest.raises(ClusterError, match="warning"):
        served.kubectl(*CHECKED, "--warnings-as-errors", "-f", "-", stdin=laxer)
