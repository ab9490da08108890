"""Command line: python -m localcluster tools | up | env | down."""

import click

from . import leftovers, node, tools
from .cluster import Cluster
from .errors import ClusterError
from .state import all_states


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
    """Start a cluster that stays."""
    reason = "asked for" if simulated else node.why_not_here()
    if reason:
        click.echo(f"Simulated nodes ({reason}): Pods are scheduled, but nothing runs.", err=True)
    cluster = Cluster.start(real_node=not reason)
    cluster.detach()
    click.echo('In this shell:    eval "$(make -s env)"')
    click.echo("It runs until:    make cluster-down")


@main.command()
def env() -> None:
    """Print what a shell evaluates to use the cluster that stays, the newest if there are more."""
    states = [each for each in all_states() if each.is_detached and not each.is_abandoned]
    if not states:
        raise ClusterError("no cluster stays here. Start one: make demo KEEP=1, or make cluster")
    click.echo(max(states, key=lambda state: state.detached_at).exports)


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
