"""Command line: python -m demo. Here is where it plays; what there is to see stands in play.py."""

import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import click

from demo import tasks
from demo.play import play
from localcluster import Cluster, images, node
from localcluster.errors import ClusterError
from localcluster.operator_process import OperatorProcess

ALLOCATABLE_CPUS = 2
"""What the node offers however large the machine is, so that not all tasks fit at once."""


@click.command()
@click.option("--keep", is_flag=True, help="Leave the cluster and the operator running.")
@click.option(
    "--kubeconfig",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Play on this cluster, which has the operator and the image, instead of an own one.",
)
def main(*, keep: bool, kubeconfig: Path | None) -> None:
    """Run the examples on a real cluster, show what happens, and check what was promised.

    Ends with 0 if everything was as promised, else with 1.
    """
    started = time.monotonic()
    try:
        if kubeconfig:
            kept = on_existing_cluster(kubeconfig)
        else:
            kept = on_own_cluster(why_simulated=node.why_not_here(), keep=keep)
    except ClusterError as error:
        raise click.ClickException(str(error)) from error
    print(f"\nThe demo took {time.monotonic() - started:.0f} s.")
    sys.exit(0 if kept else 1)


def on_own_cluster(*, why_simulated: str | None, keep: bool) -> bool:
    """Start a cluster and the operator for the play; leave nothing behind unless told to `keep`.

    The node is a real one unless there is a reason why it has to be simulated.
    """
    trains = why_simulated is None
    if trains:
        print("A REAL node: kubelet, containerd and runc run containers on this machine.")
        image = _digits_image()
    else:
        print(f"A SIMULATED node ({why_simulated}): the control plane is real, but no container")
        print("runs. The trainings are simulated, and so are their ends.")
    with ExitStack() as stack:
        print("Starting the cluster", flush=True)
        cluster = stack.enter_context(
            Cluster.start(real_node=trains, simulated_nodes=1, allocatable_cpus=ALLOCATABLE_CPUS)
        )
        if trains:
            print("Importing the image into the node", flush=True)
            cluster.import_image(image)
        operator = OperatorProcess.serve(cluster)
        stack.callback(operator.stop)
        print(f"The operator runs and logs to {operator.log_file}")
        kept = play(
            cluster.kubectl,
            cluster.kubeconfig,
            trains=trains,
            watch_operator=operator.raise_if_ended,
        )
        if not kept:
            print(f"\nThat is not what was promised of the operator. {operator.log_tail()}")
        if keep:
            cluster.detach()
            stack.pop_all()
    _tell_what_next(cluster if keep else None, operator.log_file)
    return kept


def on_existing_cluster(kubeconfig: Path) -> bool:
    """Play on a cluster that somebody else has set up, and leave its tasks for them to look at."""

    def kubectl(*arguments: str, stdin: str | None = None) -> str:
        result = subprocess.run(
            ["kubectl", f"--kubeconfig={kubeconfig}", *arguments],
            input=stdin,
            capture_output=True,
            text=True,
        )
        if result.returncode != 0:
            raise ClusterError(f"`kubectl {' '.join(arguments)}` failed: {result.stderr.strip()}")
        return result.stdout

    return play(kubectl, kubeconfig, trains=True, watch_operator=lambda: None)


def _digits_image() -> Path:
    dockerfile = tasks.DIGITS / "Dockerfile"
    arguments = {"BASE": images.base_image()}
    return images.build(tasks.DIGITS, dockerfile, tasks.DIGITS_IMAGE, arguments)


def _tell_what_next(kept: Cluster | None, log: Path) -> None:
    print("\nNow you:")
    if kept:
        print('  eval "$(make -s env)"    # this shell uses the cluster')
        print("  kubectl mltask sweep examples/digits-sweep.yaml")
        print("  kubectl describe mltask digits-diverging; kubectl explain mltask.spec")
        print(f"  tail -f {log}")
        print("  make cluster-down        # stops the cluster and the operator")
    else:
        print("  make demo KEEP=1         # the same, and the cluster stays for you to try things")
        print("  less examples/digits/trials.yaml examples/digits/train.py")


if __name__ == "__main__":
    main()
