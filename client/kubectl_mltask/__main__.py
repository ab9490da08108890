"""The console script `kubectl-mltask`, which kubectl runs as `kubectl mltask`."""

import sys


def main() -> None:
    """Run the command line; say what to install where that is missing."""
    try:
        from kubectl_mltask.cli import kubectl_mltask
    except ModuleNotFoundError as error:
        if error.name not in ("rich", "yaml"):
            raise
        sys.exit(
            f"kubectl mltask needs the package {error.name}, which comes with the extra `kubectl`: "
            "pip install '.[kubectl]' in the project's folder"
        )
    kubectl_mltask(prog_name="kubectl mltask")


if __name__ == "__main__":
    main()
