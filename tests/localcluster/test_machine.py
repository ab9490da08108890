"""The local cluster on a machine that lacks something or that holds leftovers."""

import os
import shutil
from pathlib import Path

import pytest

from localcluster import Cluster, ClusterError, debian, leftovers, node
from localcluster.state import State, all_states, new_state

# Without it, the start of a cluster elsewhere would remove what these tests abandon.
pytestmark = pytest.mark.usefixtures("folder")


@pytest.fixture
def no_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)


def test_without_root_no_real_node_is_started(no_root: None) -> None:
    assert node.why_not_here() == "you are not root"
    with pytest.raises(ClusterError, match=r"you are not root\. Simulated nodes can"):
        Cluster.start(real_node=True)


def test_without_root_missing_packages_are_named(no_root: None) -> None:
    packages = {"there": lambda: True, "missing-1": lambda: False, "missing-2": lambda: None}
    hint = "Frying needs missing-1, missing-2 .* sudo apt-get install --yes missing-1 missing-2"
    with pytest.raises(ClusterError, match=hint):
        debian.require("Frying", packages)


def test_a_package_that_is_there_is_not_asked_for(no_root: None) -> None:
    debian.require("Frying", {"python3": debian.command("python3")})


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(ClusterError, match=r"is not empty\. Choose a folder for the cluster alone"):
        new_state(tmp_path)
    assert (tmp_path / "thesis.tex").exists()


def test_a_chosen_folder_keeps_the_logs_of_its_last_cluster_alone(tmp_path: Path) -> None:
    for name in ("first.log", "second.log"):
        state, lock = new_state(tmp_path)
        (state.logs / name).touch()
        (state.path / "etcd").mkdir()
        state.remove()
        lock.close()
    assert [path.name for path in tmp_path.iterdir()] == ["logs"]
    assert [path.name for path in (tmp_path / "logs").iterdir()] == ["second.log"]
    assert state not in all_states()


def test_a_cluster_is_abandoned_when_nobody_holds_its_lock() -> None:
    state, lock = new_state(None)
    assert state in all_states()
    assert not state.is_abandoned
    lock.close()
    assert state.is_abandoned
    shutil.rmtree(state.path)


def test_a_cluster_that_its_owner_removes_is_not_abandoned(monkeypatch: pytest.MonkeyPatch) -> None:
    def rmtree(path: Path) -> None:
        found.extend(each.is_abandoned for each in all_states() if each == state)
        really_rmtree(path)

    found: list[bool] = []
    really_rmtree = shutil.rmtree
    state, lock = new_state(None)
    with monkeypatch.context() as observed:
        observed.setattr(shutil, "rmtree", rmtree)
        state.remove()
    lock.close()
    assert found == [False], "the logs go while the lock is held, the rest after a rename"


def test_a_chosen_folder_that_somebody_deleted_is_forgotten(tmp_path: Path) -> None:
    state, lock = new_state(tmp_path / "chosen")
    shutil.rmtree(tmp_path / "chosen")
    lock.close()
    assert state.is_abandoned
    state.remove()
    assert state not in all_states()


@pytest.mark.parametrize("hierarchy", [".", "cpu"], ids=["version 2", "version 1"])
def test_leftovers_with_a_busy_cgroup_stay_for_the_next_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], hierarchy: str
) -> None:
    if hierarchy == ".":
        (tmp_path / "cgroup.controllers").touch()
    stuck, lock = new_state(None)
    lock.close()
    _, lock = new_state(None)
    lock.close()
    cgroup = tmp_path / hierarchy / stuck.id / "pod"
    cgroup.mkdir(parents=True)
    # As a process in a real cgroup does, a file keeps the folder from being removed.
    process = cgroup / "process"
    process.touch()
    leftovers.remove_abandoned(seconds=0, cgroup_root=tmp_path)
    assert stuck.id in capsys.readouterr().err
    assert list(all_states()) == [stuck], "a cluster that is stuck does not protect the other"
    assert cgroup.exists()
    process.unlink()
    leftovers.remove_abandoned(seconds=0, cgroup_root=tmp_path)
    assert list(all_states()) == []
    assert not cgroup.parent.exists()


def test_a_detached_cluster_without_processes_is_abandoned() -> None:
    state, lock = new_state(None)
    state.detach("export KUBECONFIG=there")
    assert State(state.id).is_abandoned, "a machine that was restarted has none of its processes"
    lock.close()
    state.remove()
