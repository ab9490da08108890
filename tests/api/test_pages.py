"""What the pages show is what the API server takes, and their commands run as they stand there."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.api.plugin import command
from tests.api.team import FAKE, Json, Team
from tests.docs.pages import GUIDES, PAGES, blocks, commands, manifests
from tests.waiting import wait_until

PLUGINS_OWN = "Sweep"
"""The kind of a file that kubectl mltask reads, and no API server."""
SECONDS = 60


def objects(page: Path) -> list[Json]:
    """Return what the page shows that an API server takes."""
    return [each for each in manifests(page) if each["kind"] != PLUGINS_OWN]


def as_list(items: list[Json]) -> str:
    """Return the objects as the input of kubectl."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})


@pytest.mark.parametrize(
    "page", [page for page in PAGES if objects(page)], ids=lambda page: page.stem
)
def test_the_api_server_takes_what_is_shown(unserved: Team, page: Path) -> None:
    dry_run = ("apply", "--dry-run=server", "--validate=strict", "-f", "-")
    told = unserved.kubectl(*dry_run, stdin=as_list(objects(page)))
    assert len(told.splitlines()) == len(objects(page))


@pytest.mark.parametrize(
    "page", [page for page in GUIDES if commands(page)], ids=lambda page: page.stem
)
def test_the_commands_run(
    shared_team: Team, settings: dict[str, str], tmp_path: Path, page: Path
) -> None:
    for block in blocks(page, "yaml"):
        if named := re.match(r"# (\S+\.yaml)$", block, re.MULTILINE):
            ending = [_ended(each) for each in yaml.safe_load_all(block)]
            (tmp_path / named[1]).write_text(yaml.safe_dump_all(ending))
    try:
        script = ["bash", "-euxc", "".join(commands(page))]
        ended = subprocess.run(
            script, cwd=tmp_path, env=settings, capture_output=True, text=True, timeout=SECONDS
        )
        assert ended.returncode == 0, ended.stderr
        wait_until(lambda: _all_have_pods(shared_team), f"the tasks of {page.stem} get their Pods")
    finally:
        if shown := objects(page):
            delete = ("delete", "--ignore-not-found", "--wait=false", "-f", "-")
            shared_team.kubectl(*delete, stdin=as_list(shown))
        shared_team.kubectl("delete", "mltasks", "--all", "--wait=false")


@pytest.fixture(scope="module")
def settings(shared_team: Team, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a shell in which kubectl works in the team's namespace."""
    _, environment = command(shared_team)
    own = str(shutil.copy(environment["KUBECONFIG"], tmp_path_factory.mktemp("kubeconfig")))
    namespace = f"--namespace={shared_team.namespace}"
    shared_team.kubectl("config", "set-context", "--current", namespace, f"--kubeconfig={own}")
    path = f"{shared_team.cluster.bin}{os.pathsep}{environment['PATH']}"
    return {**environment, "PATH": path, "KUBECONFIG": own, "REGISTRY_PASSWORD": "secret"}


def _ended(shown: Json) -> Json:
    """Return the object with a word for simulated nodes: that its Pod ends at once."""
    spec: Any = shown["template"]["spec"] if shown["kind"] == PLUGINS_OWN else shown.get("spec")
    if shown["kind"] in ("MLTask", PLUGINS_OWN):
        metadata = spec.setdefault("template", {}).setdefault("metadata", {})
        metadata["annotations"] = {f"{FAKE}/run-seconds": "0"}
    return shown


def _all_have_pods(team: Team) -> bool:
    """Whether each task has had an attempt; none may have failed for what the page shows."""
    tasks = json.loads(team.kubectl("get", "mltasks", "-o", "json"))["items"]
    states = {task["metadata"]["name"]: task.get("status", {}) for task in tasks}
    assert all(status.get("phase") != "Failed" for status in states.values()), states
    return all(status.get("attempts") for status in states.values())
