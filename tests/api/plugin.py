"""`kubectl mltask` as a person runs it: through kubectl, which finds the plugin on the PATH."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.api.team import FAKE, Json, Team
from tests.waiting import wait_until

SECONDS = 60
"""How long a command may take that is to end by itself."""
SCRIPTS = Path(sys.executable).parent


def command(team: Team, *arguments: str) -> tuple[list[str], dict[str, str]]:
    """Return the command line of the team's administrator, and its environment."""
    path = os.pathsep.join([str(SCRIPTS), os.environ["PATH"]])
    environment = {**os.environ, **team.cluster.environment, "PATH": path}
    return [str(team.cluster.bin / "kubectl"), "mltask", *arguments], environment


def mltask(team: Team, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the plugin in the team's namespace, to its end."""
    line, environment = command(team, name, "-n", team.namespace, *arguments)
    return subprocess.run(
        line, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )


class Running:
    """A command of the plugin that runs; what it writes goes to files."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path) -> None:
        self._process = process
        self._folder = folder

    @property
    def stdout(self) -> str:
        """What it has written so far."""
        return (self._folder / "stdout").read_text()

    @property
    def stderr(self) -> str:
        """What it has told so far."""
        return (self._folder / "stderr").read_text()

    def shows(self, text: str) -> None:
        """Wait until it has written or told this."""
        wait_until(lambda: text in self.stdout or text in self.stderr, f"it shows {text!r}")

    def interrupt(self) -> int:
        """Press Ctrl-C, and return the exit code."""
        self._process.send_signal(signal.SIGINT)
        return self.ends()

    def ends(self) -> int:
        """Return the exit code once it has ended."""
        return self._process.wait(SECONDS)


@contextmanager
def running(team: Team, folder: Path, name: str, *arguments: str) -> Iterator[Running]:
    """Have a command of the plugin run in the team's namespace."""
    line, environment = command(team, name, "-n", team.namespace, *arguments)
    with (folder / "stdout").open("wb") as stdout, (folder / "stderr").open("wb") as stderr:
        process = subprocess.Popen(line, env=environment, stdout=stdout, stderr=stderr)
        try:
            yield Running(process, folder)
        finally:
            process.kill()
            process.wait()


def end(team: Team, task: str, exit_code: int = 0, message: str = "") -> None:
    """Have a simulated node end the task's Pod, with what it wrote to its termination log."""
    pod = team.pod_of(task)["metadata"]["name"]
    words = {"exit-code": exit_code, "message": message, "run-seconds": 0}
    team.kubectl("annotate", "pod", pod, *(f"{FAKE}/{word}={words[word]}" for word in words))


def parsed(text: str) -> Any:
    """Return what a command has written as JSON."""
    return json.loads(text)


def sweep_file(folder: Path, name: str, fate: Json | None = None, **changes: Any) -> str:
    """Write a sweep of four trials and return the file's path; `fate` is that of each Pod."""
    annotations = {f"{FAKE}/{word}": str(value) for word, value in (fate or {}).items()}
    sweep = {
        "apiVersion": "kubectl.mltask.dev/v1alpha1",
        "kind": "Sweep",
        "metadata": {"name": name},
        "metric": {"name": "accuracy", "goal": "maximize"},
        "grid": {"LR": [0.1, 0.01], "LAYERS": [2, 4]},
        "template": {
            "spec": {
                "image": "trainer:1",
                "args": ["--lr=$(LR)"],
                "resources": {"requests": {"cpu": "100m"}},
                "template": {"metadata": {"annotations": annotations}},
            }
        },
        **changes,
    }
    file = folder / f"{name}.yaml"
    file.write_text(json.dumps(sweep))
    return str(file)
