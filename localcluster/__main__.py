"""Command line: python -m localcluster tools | up | down."""

import click

from . import leftovers, node, tools
from .cluster import Cluster
from .errors import ClusterError


@click.group()
def main() -> None:
    """Run a real Kubernetes on this machine, built from package registries."""


@main.command("tools")
def tools_() -> None:
    """Build the cluster's programs and print the folder that holds them."""
    click.echo(tools.ensure())


@main.command()
@click.option("--simulated", is_flag=True, help="No real node, even where one could run.")
def up(*, simulated: bool) -> None:
    """Start a cluster that stays; a shell can evaluate what is printed."""
    reason = "asked for" if simulated else node.why_not_here()
    if reason:
        click.echo(f"Simulated nodes ({reason}): Pods are scheduled, but nothing runs.", err=True)
    cluster = Cluster.start(real_node=not reason)
    cluster.detach()
    click.echo(f"export KUBECONFIG={cluster.kubeconfig}")
    click.echo(f"# kubectl and helm are in {cluster.bin}")
    click.echo("# It runs until: make cluster-down")


@main.command()
def down() -> None:
    """Stop every cluster that `up` has started, and what was started to end with it."""
    click.echo(f"Clusters stopped: {leftovers.remove_detached()}", err=True)
    leftovers.remove_abandoned()


if __name__ == "__main__":
    try:
        main()
    except ClusterError as error:
        raise SystemExit(f"Error: {error}") from error
