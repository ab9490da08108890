"""What the plugin says without a cluster."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from kubectl_mltask.cli import kubectl_mltask
from mltask import MLTaskSpec


def run(*arguments: str) -> Result:
    return CliRunner().invoke(kubectl_mltask, arguments, env={"KUBECONFIG": "/none"})


def test_a_dry_run_prints_a_manifest_and_asks_nobody() -> None:
    result = run(
        *("run", "trainer:1", "--name=t", "--cpu=2", "--memory=1Gi", "--gpu=1", "--env=A=b=c"),
        *("--dry-run=client", "--", "python", "-u", "--lr=1"),
    )
    assert result.exit_code == 0
    manifest = yaml.safe_load(result.stdout)
    assert manifest["metadata"] == {"name": "t"}
    spec = MLTaskSpec.model_validate(manifest["spec"])
    assert spec.command == ["python", "-u", "--lr=1"]
    assert spec.resources.requests == {"cpu": "2", "memory": "1Gi", "nvidia.com/gpu": "1"}
    assert manifest["spec"]["env"] == [{"name": "A", "value": "b=c"}]


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["run"], "Missing argument 'IMAGE'"),
        (["run", "bad image"], "image: String should match pattern"),
        (["run", "x", "--env=A"], "'A' is not NAME=VALUE"),
        (["run", "x", "--follow", "-o", "json"], "use --wait"),
        (["run", "x", "--dry-run=server"], "Invalid value for '--dry-run'"),
        (["cancel"], "name the tasks, or choose them with --selector"),
        (["cancel", "x", "-l", "a=b"], "name the tasks, or choose them with --selector"),
        (["top", "--by=label:"], "is none of namespace, task, label:KEY"),
        (["sweep", "/none.yaml"], "No such file"),
        (["sweep", str(Path(__file__).parents[2] / "examples" / "hello.yaml")], "is no sweep"),
    ],
)
def test_a_wrong_command_line_ends_with_2(arguments: list[str], fault: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert fault in result.stderr


def test_no_cluster_ends_with_3_and_says_what_to_do() -> None:
    result = run("logs", "train")
    assert result.exit_code == 3
    assert result.stderr.startswith("error: no usable credentials in /none")
    assert "Set KUBECONFIG" in result.stderr


def test_what_is_not_installed_is_told(tmp_path: Path) -> None:
    (tmp_path / "rich.py").write_text("raise ModuleNotFoundError(name='rich')")
    ended = subprocess.run(
        [sys.executable, "-m", "kubectl_mltask"],
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 1
    assert "pip install '.[kubectl]'" in ended.stderr


def test_the_client_needs_neither_kopf_nor_rich() -> None:
    """The whole of the client is imported without either, as in a program of somebody else."""
    script = (
        "import sys; sys.modules['kopf'] = sys.modules['rich'] = None; import mltask;"
        "assert not any(name.startswith('mltask_operator.kube') for name in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
