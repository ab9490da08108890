"""Command line: python -m localcluster tools | up | down."""

import click

from . import tools
from .errors import ClusterError


@click.group()
def main() -> None:
    """Run a real Kubernetes on this machine, built from package registries."""


@main.command("tools")
def tools_() -> None:
    """Build the cluster's programs and print the folder that holds them."""
    click.echo(tools.ensure())


if __name__ == "__main__":
    try:
        main()
    except ClusterError as error:
        raise SystemExit(f"Error: {error}") from error
