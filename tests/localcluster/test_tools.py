"""Programs are built once, and again when what they are built from has changed."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from localcluster import ClusterError, golang, tools
from localcluster.tools import Module

pytestmark = pytest.mark.api

MAIN = 'package main\nfunc main() { println("%s") }\n'


@pytest.fixture
def components(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Two modules of one small program each instead of the cluster's, and an empty cache."""
    folder = tmp_path / "components"
    for name in ("one", "two"):
        (folder / name).mkdir(parents=True)
        (folder / name / "go.mod").write_text(f"module example.com/{name}\n\ngo 1.26\n")
        (folder / name / "main.go").write_text(MAIN % name)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    # Or go would keep its own there too, and compile its standard library for every test.
    monkeypatch.setenv("GOCACHE", str(tmp_path_factory.getbasetemp() / "go-build"))
    monkeypatch.setattr(tools, "COMPONENTS", folder)
    monkeypatch.setattr(tools, "MODULES", [Module(name, {name: "."}) for name in ("one", "two")])
    return folder


def output(program: Path) -> str:
    return subprocess.run([program], check=True, capture_output=True, text=True).stderr.strip()


def test_programs_are_built_once(components: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert tools.built("one") is None
    binaries = tools.ensure()
    assert [output(binaries / name) for name in ("one", "two")] == ["one", "two"]
    assert "[1 of 2] one … " in capfd.readouterr().err
    assert tools.ensure() == binaries
    assert capfd.readouterr().err == ""
    assert output(tools.built("one") or Path()) == "one"


def test_a_change_builds_only_what_it_changes(
    components: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = tools.ensure()
    (components / "two" / "main.go").write_text(MAIN % "new")
    capfd.readouterr()
    after = tools.ensure()
    assert "[1 of 1] two … " in capfd.readouterr().err
    assert [output(after / name) for name in ("one", "two")] == ["one", "new"]
    assert output(before / "two") == "two", "who still runs the old one keeps it"


def test_two_at_once_build_once(components: Path, capfd: pytest.CaptureFixture[str]) -> None:
    results: list[Path] = []
    threads = [threading.Thread(target=lambda: results.append(tools.ensure())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results[0] == results[1]
    assert capfd.readouterr().err.count("[1 of 2]") == 1


def test_what_a_killed_build_has_left_is_removed(components: Path, tmp_path: Path) -> None:
    left = tmp_path / "cache" / "mltask-operator" / "tools" / f"{tools.UNFINISHED}x"
    left.mkdir(parents=True)
    (left / "one").write_text("half of a program")
    assert output(tools.ensure() / "one") == "one"
    assert not left.exists()


def test_a_failed_build_tells_what_the_compiler_says(components: Path) -> None:
    (components / "one" / "main.go").write_text("package main\nfunc main() { nonsense }\n")
    with pytest.raises(ClusterError, match=r"(?s)`go build .*undefined: nonsense"):
        tools.ensure()


def test_a_go_that_is_too_old_is_not_used(tmp_path: Path) -> None:
    assert golang.find(tmp_path, min_version=(1, 0))
    assert golang.find(tmp_path, min_version=(99,)) is None


def test_the_last_line_is_the_folder_of_the_programs() -> None:
    command = [sys.executable, "-m", "localcluster", "tools"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    names = {path.name for path in Path(printed.splitlines()[-1]).iterdir()}
    assert {"etcd", "kube-apiserver", "kubelet", "kubectl", "helm", "containerd", "runc"} <= names
