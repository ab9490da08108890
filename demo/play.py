"""The play, on any cluster that has the operator: apply, watch, hold against the promises."""

import json
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

from kubernetes.client import ApiClient, Configuration
from kubernetes.config import load_kube_config
from rich.console import Console

from demo import checks, tasks
from demo.table import Picture
from demo.view import TASK_LABEL, View
from demo.watching import watching

NAMESPACE = "default"
RUN_SECONDS = 900
"""How long the tasks may take, from apply to the last release."""
REFRESH_SECONDS = 0.5


class Kubectl(Protocol):
    """Runs kubectl and returns what it printed; raises an error that says what went wrong."""

    def __call__(self, *arguments: str, stdin: str | None = None) -> str: ...


def play(
    kubectl: Kubectl, kubeconfig: Path, *, trains: bool, watch_operator: Callable[[], None]
) -> bool:
    """Run the examples to their end, show it, and return whether everything was as promised.

    Where no node `trains`, the tasks' ends are made up. `watch_operator` is called again and again,
    and raises once the operator no longer runs.
    """
    manifests = tasks.load()
    view = View(manifest["metadata"]["name"] for manifest in manifests)
    _remove_earlier(kubectl, view.names)
    for thing in json.loads(kubectl("get", "nodes,pods", "--all-namespaces", "-ojson"))["items"]:
        view.observe("ADDED", thing)
    before = view.allocated()
    has_to_wait = tasks.requested(manifests).exceeds(view.allocatable() - before)

    if trains:
        paths = [word for path in tasks.MANIFESTS for word in ("-f", os.path.relpath(path))]
        _show(kubectl, "apply", *paths)
    else:
        ends_made_up = [tasks.simulated(task, 3 + n % 4) for n, task in enumerate(manifests)]
        _show(kubectl, "apply", "-f", "-", stdin=json.dumps(tasks.as_list(ends_made_up)))
    print(flush=True)
    _show_until_settled(view, _client(kubeconfig), watch_operator)

    _show(kubectl, "get", "mltasks")
    _show(kubectl, "get", "pods")
    for name in tasks.EXIT_CODES:
        _show(kubectl, "get", "mltask", name, "-o", "jsonpath={.status.logTail}")
    print("\nAs promised?")
    results = list(checks.check(view, before=before, trains=trains, has_to_wait=has_to_wait))
    print(*results, sep="\n")
    return all(result.kept for result in results)


def _remove_earlier(kubectl: Kubectl, names: Iterable[str]) -> None:
    """Remove what an earlier run on this cluster has left: finished tasks never run again."""
    kubectl("delete", "mltasks", *names, "--ignore-not-found")
    kubectl("wait", "--for=delete", "pods", f"--selector={TASK_LABEL}", "--timeout=2m")


def _client(kubeconfig: Path) -> ApiClient:
    configuration = Configuration()
    load_kube_config(str(kubeconfig), client_configuration=configuration)
    # The cluster runs on this machine, whatever HTTPS_PROXY says.
    configuration.proxy = None
    return ApiClient(configuration)


def _show_until_settled(view: View, client: ApiClient, watch_operator: Callable[[], None]) -> None:
    deadline = time.monotonic() + RUN_SECONDS
    with (
        watching(client, NAMESPACE) as events,
        Picture(Console(markup=False, highlight=False)) as picture,
    ):
        while not view.is_settled() and time.monotonic() < deadline:
            for event in events.within(REFRESH_SECONDS):
                view.observe(*event)
            picture.show(view)
            watch_operator()
    if not view.is_settled():
        print(f"\nThe tasks are not at an end after {RUN_SECONDS} s.")


def _show(kubectl: Kubectl, *arguments: str, stdin: str | None = None) -> None:
    """Run kubectl in front of the audience."""
    print(f"\n$ kubectl {' '.join(arguments)}", flush=True)
    print(kubectl(*arguments, stdin=stdin).rstrip() or "(nothing)", flush=True)
