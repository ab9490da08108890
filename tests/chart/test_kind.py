"""`make kind`, as far as it goes without Docker."""

import os
import subprocess
from pathlib import Path

import pytest

from localcluster import tools
from tests.chart.chart import ROOT, Ended

CONFIG = ROOT / "kind-config.yaml"


def kindconfig(path: Path) -> Ended:
    """Let kind's own loader read a cluster configuration."""
    binary = tools.built("kindconfig")
    if binary is None:
        pytest.skip("kindconfig is not built yet: make tools")
    return subprocess.run([str(binary), str(path)], capture_output=True, text=True, check=False)


def test_kind_accepts_our_configuration() -> None:
    ended = kindconfig(CONFIG)
    assert ended.returncode == 0, ended.stderr


def test_kind_would_refuse_a_wrong_one(tmp_path: Path) -> None:
    wrong = tmp_path / "kind-config.yaml"
    wrong.write_text(CONFIG.read_text().replace("role: worker", "role: wokrer"))
    ended = kindconfig(wrong)
    assert ended.returncode != 0
    assert "wokrer" in ended.stderr


def test_make_kind_names_what_is_missing(tmp_path: Path) -> None:
    for tool in ("docker", "kind", "kubectl"):
        (tmp_path / tool).symlink_to("/bin/true")
    (tmp_path / "dirname").symlink_to("/usr/bin/dirname")
    ended = subprocess.run(
        ["/bin/sh", str(ROOT / "scripts" / "kind.sh")],
        env={**os.environ, "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert "helm is not on the PATH" in ended.stderr
    assert "make demo" in ended.stderr
