"""The hook of mkdocs.yml: what lies beside docs/ and belongs to the site is put into it.

Pages link to examples and to the chart's page as files of the project; in the site, docs/ is the
top, and those lie within it.
"""

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parent.parent
BESIDE = (
    "CHANGELOG.md",
    "charts/mltask-operator/README.md",
    *(f"examples/**/*.{kind}" for kind in ("md", "py", "yaml")),
)
_LINK = re.compile(r"(?<=\]\()(?!\w+:)[^)#\s]+")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the files that lie beside docs/."""
    for path in (path for pattern in BESIDE for path in ROOT.glob(pattern)):
        name = path.relative_to(ROOT).as_posix()
        files.append(File.generated(config, name, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Have the links of a page lead to where their files are in the site."""
    name = page.file.src_uri
    folder = posixpath.dirname(name if page.file.generated_by else f"docs/{name}")

    def moved(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(folder, link[0])).removeprefix("docs/")
        return posixpath.relpath(target, posixpath.dirname(name) or ".")

    return _LINK.sub(moved, markdown)
