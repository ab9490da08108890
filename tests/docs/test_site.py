"""The site of docs/ builds, and a link that leads nowhere ends the build."""

import re
import subprocess
import sys
from pathlib import Path

from tests.docs.pages import ROOT


def test_it_builds_strictly_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--site-dir", str(tmp_path)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert built.returncode == 0, built.stderr
    home = (tmp_path / "index.html").read_text()
    assert not re.search(r"<(?:script|link)[^>]*(?:src|href)=\"(?:https?:)?//", home)
    assert (tmp_path / "examples" / "hello.yaml").exists()


def test_a_link_that_leads_nowhere_ends_the_build(tmp_path: Path) -> None:
    settings = (ROOT / "mkdocs.yml").read_text().partition("nav:\n")[0]
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text("[missing](missing.md)")
    (tmp_path / "mkdocs.yml").write_text(settings.replace("codegen", str(ROOT / "codegen")))
    command = [sys.executable, "-m", "mkdocs", "build"]
    built = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert built.returncode != 0
    assert "'missing.md'" in built.stderr
