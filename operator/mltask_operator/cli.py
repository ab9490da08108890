"""The console script `mltask-operator`."""


def main() -> None:
    """Run the command line."""
