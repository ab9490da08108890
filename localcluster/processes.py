"""Start, watch and stop the programs that a cluster consists of."""

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from .errors import ClusterError
from .state import VARIABLE, State

START_SECONDS = 120
"""How long a component may take until it answers; a busy machine needs most of it."""
STOP_SECONDS = 60
"""How long a component may take to end; kube-apiserver waits for its open requests."""


@dataclass(frozen=True)
class Component:
    """One program of the cluster."""

    name: str
    command: Sequence[str]
    answers: Sequence[str]
    """A command that ends with 0 once the component does its work."""


def answers_http(url: str, path: str) -> Sequence[str]:
    """Return a command that ends with 0 when a GET of this path is answered with success."""
    client = ["kubectl", "--kubeconfig=/dev/null", "--insecure-skip-tls-verify"]
    # Health is told to anybody; but kubectl asks the terminal for a name where it has none.
    nobody = ["--username=nobody", "--password=none"]
    return [*client, *nobody, "--request-timeout=5s", f"--server={url}", "get", f"--raw={path}"]


class Processes:
    """The components of one cluster."""

    def __init__(self, state: State, binaries: Path) -> None:
        self.enter: Sequence[str] = ()
        """What to put before a command, so that it runs in the namespaces of the cluster."""
        self._state = state
        # Programs of the system's administrator, such as iptables, are not on every user's PATH.
        search = f"{binaries}:{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
        self._environment = {"PATH": search, "HOME": str(state.path), VARIABLE: state.id}
        self._components: dict[str, Component] = {}
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, *components: Component) -> None:
        """Start these components side by side and return when all of them answer."""
        for component in components:
            self._components[component.name] = component
            with self._log(component.name).open("ab") as log:
                self._running[component.name] = subprocess.Popen(
                    [*self.enter, *component.command],
                    env=self._environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    # Ctrl-C is for the process that runs the cluster, which then ends them all.
                    start_new_session=True,
                )
        for component in components:
            self._wait_for_answer(component)

    def pid(self, name: str) -> int:
        """Return the process id of a component, or of the command that enters namespaces for it."""
        return self._running[self._component(name).name].pid

    def restart(self, name: str, *options: str) -> None:
        """Start a component again that was stopped or killed.

        `options` come after its own, and are for this run alone.
        """
        component = self._component(name)
        if self._running[name].poll() is None:
            raise ClusterError(f"{name} is running; stop or kill it first.")
        self.start(replace(component, command=[*component.command, *options]))
        self._components[name] = component

    def stop(self, name: str) -> None:
        """End a component as an administrator would: SIGTERM, then wait for its end."""
        self._end(name, psutil.Process.terminate)

    def kill(self, name: str) -> None:
        """End a component as a crash would: SIGKILL."""
        self._end(name, psutil.Process.kill)

    def reap(self) -> None:
        """Wait for the components that somebody else has ended, lest they stay as zombies."""
        for popen in self._running.values():
            popen.wait()

    def run(self, *command: str) -> None:
        """Run a command to its end where the components run; ClusterError holds its output."""
        result = self._run(command)
        if result.returncode != 0:
            raise ClusterError(f"`{' '.join(command)}` failed: {result.stderr.strip()}")

    def _end(self, name: str, how: Callable[[psutil.Process], None]) -> None:
        popen = self._running[self._component(name).name]
        if popen.poll() is not None:
            return
        process = psutil.Process(popen.pid)
        # The command that enters the namespaces stays outside, as the parent of what it runs.
        inner = process.children() if self.enter else [process]
        with suppress(psutil.NoSuchProcess):
            for each in inner:
                how(each)
        try:
            popen.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise ClusterError(f"{name} did not end within {STOP_SECONDS} s") from error

    def _wait_for_answer(self, component: Component) -> None:
        deadline = time.monotonic() + START_SECONDS
        popen = self._running[component.name]
        while True:
            has_answered = self._run(component.answers).returncode == 0
            # Asked after the answer: where it could not listen, somebody else has given that.
            if popen.poll() is not None:
                problem = f"ended with exit status {popen.returncode}"
            elif has_answered:
                return
            elif time.monotonic() > deadline:
                problem = f"did not answer within {START_SECONDS} s"
            else:
                time.sleep(0.05)
                continue
            log = self._log(component.name).read_text(errors="replace").splitlines()
            end = "\n".join(log[-15:])
            raise ClusterError(f"{component.name} {problem}. The end of its log:\n{end}")

    def _run(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.enter, *command],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )

    def _component(self, name: str) -> Component:
        if name not in self._components:
            known = ", ".join(self._components)
            raise ClusterError(f"This cluster has no component {name!r}; it has {known}.")
        return self._components[name]

    def _log(self, name: str) -> Path:
        return self._state.logs / f"{name}.log"
