"""The tasks that the demo applies, and how each of them has to end."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from demo.capacity import Resources

EXAMPLES = Path(__file__).parent.parent / "examples"
DIGITS = EXAMPLES / "digits"
MANIFESTS = (EXAMPLES / "hello.yaml", DIGITS)

DIGITS_IMAGE = "docker.io/library/mltask-digits:demo"

EXIT_CODES = {"digits-diverging": 3}
"""The tasks that have to fail, and with which exit code; all others have to succeed."""

Manifest = dict[str, Any]


def load() -> list[Manifest]:
    """Return every object of MANIFESTS."""
    files = [
        file
        for path in MANIFESTS
        for file in (sorted(path.glob("*.yaml")) if path.is_dir() else [path])
    ]
    return [
        document for file in files for document in yaml.safe_load_all(file.read_text()) if document
    ]


def requested(manifests: Iterable[Manifest]) -> Resources:
    """Return what the tasks ask for, all together."""
    requests = (manifest["spec"]["resources"]["requests"] for manifest in manifests)
    return sum((Resources.of(each) for each in requests), Resources())


def is_trial(name: str) -> bool:
    """Whether the task of this name trains a model that has to have an accuracy in the end."""
    return name.startswith("digits-") and name not in EXIT_CODES


def as_list(manifests: Iterable[Manifest]) -> Manifest:
    """Return one object that kubectl applies as all of them."""
    return {"apiVersion": "v1", "kind": "List", "items": list(manifests)}


def simulated(task: Manifest, seconds: int) -> Manifest:
    """Return the task with the words for simulated nodes: no container runs, its end is made up."""
    name = task["metadata"]["name"]
    exit_code = EXIT_CODES.get(name, 0)
    annotations = {
        "fake.mltask.dev/run-seconds": str(seconds),
        "fake.mltask.dev/exit-code": str(exit_code),
        "fake.mltask.dev/message": "error: simulated" if exit_code else '{"simulated": true}',
    }
    template = {"metadata": {"annotations": annotations}}
    return {**task, "spec": {**task["spec"], "template": template}}
