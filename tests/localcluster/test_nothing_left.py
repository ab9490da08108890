"""A cluster leaves nothing behind, however it ends."""

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from localcluster import Cluster
from localcluster.state import PREFIX, State
from tests.waiting import wait_until

CHANGED_BY_A_KUBELET = ["vm/overcommit_memory", "kernel/panic", "kernel/panic_on_oops"]
WRITTEN_BY_A_NODE = ["/etc", "/opt", "/run", "/var/lib", "/var/lib/kubelet", "/var/log"]


@pytest.fixture
def seconds() -> str:
    """How long the Pod sleeps; by this number its process is known in the whole machine."""
    return str(10**8 + secrets.randbelow(10**8))


@pytest.fixture
def owner(kind: str, folder: Path, seconds: str) -> Iterator[subprocess.Popen[str]]:
    """A process that runs a cluster until it is told to end; it prints the cluster's id."""
    command = [sys.executable, "-m", "tests.localcluster.owner", kind, seconds]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def traces(cluster_id: str, seconds: str) -> list[str]:
    """Return what there still is of a cluster."""
    commands = [" ".join(each.info["cmdline"] or ()) for each in psutil.process_iter(["cmdline"])]
    mounts = Path("/proc/mounts").read_text().splitlines()
    return [
        *(each.name() for each in State(cluster_id).processes()),
        *(command for command in commands if cluster_id in command or seconds in command),
        *(mount for mount in mounts if cluster_id in mount),
        *(str(path) for path in Path("/sys/fs/cgroup").glob(f"*/{cluster_id}")),
    ]


def machine() -> list[str]:
    """Return what a real node would change in the machine if it could."""
    settings = [Path("/proc/sys", name).read_text() for name in CHANGED_BY_A_KUBELET]
    return settings + sorted(
        str(path) for name in WRITTEN_BY_A_NODE for path in Path(name).glob("*")
    )


def started(owner: subprocess.Popen[str]) -> State:
    """Return the owner's cluster once it runs."""
    assert owner.stdout
    return State(owner.stdout.readline().strip())


def link(state: State) -> Path:
    """Return the network interface of a real cluster, or one that does not exist."""
    record = state.path / "link"
    return Path("/sys/class/net", record.read_text().split()[0] if record.exists() else "none")


def test_a_signal_to_the_owner_ends_all(
    owner: subprocess.Popen[str], folder: Path, seconds: str, kind: str
) -> None:
    before = machine()
    state = started(owner)
    interface = link(state)
    assert interface.exists() == (kind == "real")
    assert traces(state.id, seconds)
    assert machine() == before
    owner.send_signal(signal.SIGTERM)
    owner.wait(30)
    assert traces(state.id, seconds) == []
    assert not interface.exists()
    assert list(folder.iterdir()) == []


def test_the_next_start_removes_what_a_crash_has_left(
    owner: subprocess.Popen[str], folder: Path, seconds: str
) -> None:
    state = started(owner)
    interface = link(state)
    owner.kill()
    owner.wait()
    assert traces(state.id, seconds)
    with Cluster.start(real_node=False) as cluster:
        assert traces(state.id, seconds) == []
        assert not interface.exists()
        assert list(folder.iterdir()) == [cluster.state]


def test_an_interrupted_start_leaves_nothing(
    owner: subprocess.Popen[str], folder: Path, seconds: str
) -> None:
    log = "logs/kube-controller-manager.log"
    wait_until(lambda: any(folder.glob(f"{PREFIX}*/{log}")), "it has started half of the cluster")
    (state,) = (State(path.name) for path in folder.glob(f"{PREFIX}*"))
    owner.send_signal(signal.SIGINT)
    owner.wait(30)
    assert traces(state.id, seconds) == []
    assert list(folder.iterdir()) == []


def test_a_cluster_from_the_command_line_stays_until_it_is_stopped(
    folder: Path, seconds: str, kind: str
) -> None:
    def localcluster(*arguments: str) -> str:
        command = [sys.executable, "-m", "localcluster", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    localcluster("up", *(["--simulated"] if kind == "simulated" else []))
    script = f"{localcluster('env')}\nkubectl get nodes && kubectl mltask --help"
    subprocess.run(["bash", "-euc", script], check=True, env={"HOME": str(folder), "PATH": "/bin"})
    (state,) = (State(path.name) for path in folder.glob(f"{PREFIX}*"))
    # A program that was started to end with the cluster does.
    environment = os.environ | {"MLTASK_CLUSTER": state.id}
    with subprocess.Popen(["sleep", seconds], env=environment) as program:
        localcluster("down")
        assert program.wait(30) == -signal.SIGKILL
    assert traces(state.id, seconds) == []
