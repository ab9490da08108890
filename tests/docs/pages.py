"""What the pages show: manifests, and commands with who runs them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
README = ROOT / "README.md"
PAGES = [README, *sorted(DOCS.glob("**/*.md"))]
GUIDES = [
    *(
        DOCS / f"{name}.md"
        for name in ("index", "kubectl", "troubleshooting", "operating", "upgrading")
    ),
    *sorted((DOCS / "how-to").glob("*.md")),
]
"""Pages whose commands a test runs, as they stand there."""
RUN_ELSEWHERE = ("helm", "make")
"""Commands that set clusters up; tests/e2e installs and upgrades the chart, CI runs make."""

Manifest = dict[str, Any]


def blocks(page: Path, language: str) -> list[str]:
    """Return the text of each fenced block of this language."""
    fenced = rf"^```{language}\n(.*?)^```$"
    return re.findall(fenced, page.read_text(), re.DOTALL | re.MULTILINE)


def manifests(page: Path) -> Iterator[Manifest]:
    """Yield each object that the page shows."""
    for block in blocks(page, "yaml"):
        yield from yaml.safe_load_all(block)


def commands(page: Path) -> list[str]:
    """Return the page's blocks of commands, but for those that are run elsewhere."""
    at_home = blocks(README, "console")
    return [
        block
        for block in blocks(page, "console")
        if block not in at_home and not block.startswith(RUN_ELSEWHERE)
    ]
