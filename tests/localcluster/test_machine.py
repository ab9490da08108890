"""What the local cluster does where the machine is not as it wants it."""

import os
import shutil
from pathlib import Path

import pytest

from localcluster import Cluster, ClusterError, cgroups, debian, leftovers, node
from localcluster.state import State, all_states, new_state


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
    monkeypatch.setattr(shutil, "rmtree", rmtree)
    state.remove()
    lock.close()
    assert found == [False], "the logs were deleted under its lock, and the rest out of sight"


def test_a_chosen_folder_that_somebody_deleted_is_forgotten(tmp_path: Path) -> None:
    state, lock = new_state(tmp_path / "chosen")
    shutil.rmtree(tmp_path / "chosen")
    lock.close()
    assert state.is_abandoned
    state.remove()
    assert state not in all_states()


def test_what_cannot_be_removed_does_not_keep_others_from_starting(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    state, lock = new_state(None)
    lock.close()
    monkeypatch.setattr(leftovers, "all_states", lambda: [state])
    monkeypatch.setattr(leftovers, "SECONDS_OF_ANOTHER", 0)
    with monkeypatch.context() as broken:
        broken.setattr(cgroups, "remove", lambda _: False)
        leftovers.remove_abandoned()
    assert f"cgroups of {state.id} stay busy" in capsys.readouterr().err
    assert state in all_states()
    leftovers.remove_abandoned()
    assert state not in all_states()


def test_a_detached_cluster_without_processes_is_abandoned() -> None:
    state, lock = new_state(None)
    state.detach("export KUBECONFIG=there")
    assert State(state.id).is_abandoned, "a machine that was restarted has none of its processes"
    lock.close()
    state.remove()
