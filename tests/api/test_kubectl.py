"""What kubectl shows of tasks fits a terminal, and its selectors select: docs/kubectl.md."""

import json
import re
import shlex

import pytest

from localcluster.errors import ClusterError
from mltask_operator.api.reasons import Reason
from mltask_operator.lifecycle.announce import NoticeReason
from tests.api import kubelet
from tests.api.client import Client, tasks_path
from tests.api.team import Json, Team, manifest
from tests.docs.pages import DOCS
from tests.waiting import wait_until

PAGE = (DOCS / "kubectl.md").read_text()
COLUMNS = 100
LONGEST_AGE = len("7d23h")
LONGEST_SPAN = "3m20s"
LONG_NAME = 22
"""With a name this long no line is wider, whatever it shows."""
LONGER_NAME = 32
USUAL_REASON = 16
"""With such a name none is whose reasons are this long at most: three in four."""
FINAL: Json = {"exitCode": 137, "duration": LONGEST_SPAN, "completionTime": "2026-01-01T00:00:00Z"}


class Listing:
    """A namespace that no operator serves, with tasks in states of the test's own making."""

    def __init__(self, team: Team, client: Client) -> None:
        self._team = team
        self._client = client

    def show(self, name: str, **status: object) -> None:
        """Have a task of this name and status."""
        namespace = self._team.namespace
        code, answer = self._client.create_task(namespace, manifest(name))
        assert code == 201, answer
        path = f"{tasks_path(namespace)}/{name}/status"
        code, answer = self._client.request("PATCH", path, {"status": status})
        assert code == 200, answer

    def lines(self, *options: str) -> list[str]:
        """Return what `kubectl get mlt` prints."""
        return self._team.kubectl("get", "mlt", *options).splitlines()

    def width(self) -> int:
        """Return how wide the lines are once the tasks are old."""
        head, *rows = self.lines()
        assert head.split()[-1] == "AGE"
        assert all(len(row) <= head.index("AGE") + LONGEST_AGE for row in rows)
        return head.index("AGE") + LONGEST_AGE


@pytest.fixture
def listing(team: Team, client: Client) -> Listing:
    return Listing(team, client)


def long_name(length: int, number: int) -> str:
    return f"{number:02}-".ljust(length, "x")


@pytest.mark.parametrize(
    ("length", "reasons"),
    [
        (LONG_NAME, list(Reason)),
        (LONGER_NAME, [reason for reason in Reason if len(reason) <= USUAL_REASON]),
    ],
    ids=["a long name and any reason", "a longer name and most reasons"],
)
def test_a_listing_fits_a_hundred_columns(
    listing: Listing, length: int, reasons: list[Reason]
) -> None:
    for number, reason in enumerate(reasons):
        phase = "Succeeded" if reason is Reason.COMPLETED else "Failed"
        listing.show(
            long_name(length, number), phase=phase, reason=reason.value, attempts=100, **FINAL
        )
    assert listing.width() <= COLUMNS
    shown = "\n".join(listing.lines())
    assert all(f" {reason} " in shown for reason in reasons)
    assert len(reasons) > len(Reason) * 0.7


def test_wide_shows_pod_node_and_the_first_line_of_the_result(listing: Listing) -> None:
    pod = {"podName": "train-0b5f1c2e-1", "nodeName": "n1"}
    done: Json = {"phase": "Succeeded", "reason": "Completed", "attempts": 1, **pod}
    listing.show("a", **done, result='{"accuracy": 0.97}')
    listing.show("b", **done, result="accuracy 0.97\nloss 0.08\n")
    listing.show("c", **done)
    head, *rows = listing.lines("-o", "wide")
    at = head.index("POD")
    assert head[at:].split() == ["POD", "NODE", "RESULT"]
    assert [row[at:].split() for row in rows] == [
        ["train-0b5f1c2e-1", "n1", '{"accuracy":', "0.97}"],
        ["train-0b5f1c2e-1", "n1", "accuracy", "0.97..."],
        ["train-0b5f1c2e-1", "n1"],
    ]


# Selectors

SELECTED = {
    "kubectl get mlt --field-selector status.phase=Failed": {"train-resnet"},
    "kubectl get mlt --field-selector status.phase!=Succeeded,status.phase!=Failed": {"tune-lr"},
    "kubectl get mlt --field-selector metadata.name=tune-lr": {"tune-lr"},
    "kubectl get mlt -l team=vision": {"evaluate-resnet", "train-resnet"},
    "kubectl get mlt -l team=vision --field-selector status.phase=Failed": {"train-resnet"},
    "kubectl get pods -l mltask.dev/task": {"tune-lr-2"},
    "kubectl get pods -l mltask.dev/task=tune-lr": {"tune-lr-2"},
    "kubectl get pods -l mltask.dev/task,mltask.dev/attempt!=1": {"tune-lr-2"},
    "kubectl get pods -l mltask.dev/task --field-selector status.phase=Running": {"tune-lr-2"},
    "kubectl get events --field-selector involvedObject.kind=MLTask": {
        "evaluate-resnet.1.retrying",
        "train-resnet.1.failed",
        "tune-lr.1.disrupted",
    },
    "kubectl get events --field-selector involvedObject.kind=MLTask,reason=Failed": {
        "train-resnet.1.failed"
    },
    "kubectl events --for mlt/train-resnet": {"train-resnet.1.failed"},
}
"""What each command of the page lists: tasks, Pods by task and attempt, Events without the uid."""


@pytest.fixture(scope="module")
def selected(shared_team: Team) -> Team:
    """The tasks of the page: one that succeeded, one that failed, one in its second attempt."""
    team = shared_team
    retried: Json = {"backoffLimit": 1, "backoff": {"baseSeconds": 1, "maxSeconds": 1}}
    tasks = [
        manifest("evaluate-resnet", **retried),
        manifest("train-resnet", fate={"run_seconds": 0, "exit_code": 3}),
        manifest("tune-lr"),
    ]
    for task in tasks[:2]:
        task["metadata"]["labels"] = {"team": "vision"}
    team.apply(*tasks)
    kubelet.end(team, "evaluate-resnet", 1, exit_code=1)
    kubelet.end(team, "evaluate-resnet", 2)
    team.wait_for_phase("tune-lr", "Running")
    team.kubectl("delete", "pod", "--selector=mltask.dev/task=tune-lr", "--wait=false")
    for name in ("evaluate-resnet", "train-resnet"):
        team.finish(name)
    team.wait("tune-lr", "jsonpath={.status.attempts}=2")
    team.wait_for_phase("tune-lr", "Running")
    return team


def names(team: Team, command: str) -> set[str]:
    """Return the names of what the command lists, as the table above has them."""
    _, *words = shlex.split(command)
    items = json.loads(team.kubectl(*words, "-o", "json"))["items"]
    listed = {item["metadata"]["name"] for item in items}
    return {re.sub(r"[.-][0-9a-f]{8}(-[0-9a-f-]{27})?(?=[.-])", "", name) for name in listed}


def test_the_page_has_these_selectors_and_no_others() -> None:
    [table] = re.findall(r"^## Selectors$(.*)", PAGE, re.DOTALL | re.MULTILINE)
    assert re.findall(r"^\| `(kubectl [^`]+)` \|", table, re.MULTILINE) == list(SELECTED)


@pytest.mark.parametrize("command", SELECTED)
def test_what_a_selector_selects(selected: Team, command: str) -> None:
    wait_until(lambda: names(selected, command) == SELECTED[command], f"{command} lists it", 10)


def test_the_namespace_is_a_field_too(selected: Team) -> None:
    command = "kubectl get mlt --all-namespaces --field-selector metadata.namespace="
    found = names(selected, command + selected.namespace)
    assert found == {"evaluate-resnet", "train-resnet", "tune-lr"}
    assert names(selected, command + "none") == set()


@pytest.mark.parametrize(
    ("selector", "found"),
    [("--field-selector=status.phase=Failed", 1), ("--selector=team=vision", 2)],
)
def test_what_is_selected_is_waited_for_and_deleted(
    selected: Team, selector: str, found: int
) -> None:
    waited = selected.kubectl(
        "wait", "--for=condition=Finished", "mlt", selector, "--timeout=60s"
    ).splitlines()
    assert len(waited) == found
    deleted = selected.kubectl("delete", "mlt", selector, "--dry-run=server").splitlines()
    assert len(deleted) == found


def test_other_fields_select_nothing(selected: Team) -> None:
    with pytest.raises(ClusterError, match=r"field label not supported: status\.reason"):
        selected.kubectl("get", "mlt", "--field-selector", "status.reason=OOMKilled")


def test_events_of_the_page_are_those_that_there_are() -> None:
    [chapter] = re.findall(r"^## Events$(.*?)^## ", PAGE, re.DOTALL | re.MULTILINE)
    rows = dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", chapter, re.MULTILINE))
    types = {r.value: "Warning" if r.is_warning else "Normal" for r in NoticeReason}
    assert rows == types


def test_waiting_for_the_end_returns_for_failure_and_success_alike(selected: Team) -> None:
    command = ("wait", "--for=condition=Finished", "mlt/train-resnet", "mlt/evaluate-resnet")
    told = selected.kubectl(*command, "--timeout=60s")
    assert told.splitlines() == [
        "mltask.mltask.dev/train-resnet condition met",
        "mltask.mltask.dev/evaluate-resnet condition met",
    ]


def test_describe_ends_with_what_happened(selected: Team) -> None:
    described = selected.kubectl("describe", "mlt", "tune-lr")
    head, _, table = described.partition("\nEvents:\n")
    assert re.search(r"History:\n +Attempt: +1\n", head)
    assert re.search(
        r"^  Warning  Disrupted  \S+ +mltask-operator  attempt 1 was disrupted \(PodDeleted\)",
        table,
        re.MULTILINE,
    )
