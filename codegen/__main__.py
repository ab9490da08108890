"""Write the generated files, or with --check say which of them are out of date."""

import sys
from pathlib import Path

import click

from codegen import crd, reference, values

ROOT = Path(__file__).resolve().parent.parent


def _generated() -> dict[Path, str]:
    definition = crd.render()
    return {
        ROOT / "crds/mltasks.yaml": definition,
        ROOT / "charts/mltask-operator/files/crds/mltasks.yaml": definition,
        ROOT / "docs/reference.md": reference.render(),
        ROOT / "charts/mltask-operator/README.md": values.render(),
    }


@click.command(help=__doc__)
@click.option("--check", is_flag=True, help="Write nothing; fail if a file is out of date.")
def main(*, check: bool) -> None:
    """Run the command."""
    outdated = []
    for path, text in _generated().items():
        if path.exists() and path.read_text() == text:
            continue
        outdated.append(path.relative_to(ROOT))
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    if check and outdated:
        sys.exit(f"out of date: {', '.join(map(str, outdated))}. Run `make generate`.")
    print("up to date" if not outdated else f"written: {', '.join(map(str, outdated))}")


if __name__ == "__main__":
    main()
