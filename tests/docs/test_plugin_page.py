"""The pages of the plugin and of the client speak of what there is."""

import re
from pathlib import Path

import mltask
from kubectl_mltask.cli import kubectl_mltask

ROOT = Path(__file__).parents[2]
PLUGIN = (ROOT / "docs" / "kubectl-mltask.md").read_text()
CLIENT = (ROOT / "docs" / "python.md").read_text()


def test_every_command_has_its_chapter() -> None:
    assert set(re.findall(r"^## (.*)$", PLUGIN, re.MULTILINE)) == set(kubectl_mltask.commands)


def test_the_sweep_is_the_example() -> None:
    [shown] = re.findall(r"```yaml\n(.*?)```", PLUGIN, re.DOTALL)
    example = (ROOT / "examples" / "sweep.yaml").read_text()
    assert shown.splitlines() == [line for line in example.splitlines() if not line.startswith("#")]


def test_every_error_is_told() -> None:
    errors = {
        name
        for name in mltask.__all__
        if isinstance(each := getattr(mltask, name), type) and issubclass(each, mltask.MLTaskError)
    }
    assert {name for name in errors if f"`{name}`" not in CLIENT} == set()


def test_the_programs_of_the_page_are_python() -> None:
    for program in re.findall(r"```python\n(.*?)```", CLIENT, re.DOTALL):
        compile(program, "docs/python.md", "exec")
