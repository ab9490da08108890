"""The commands of `kubectl mltask`."""

import click

from kubectl_mltask.cancel import cancel
from kubectl_mltask.logs import logs
from kubectl_mltask.retry import retry
from kubectl_mltask.run import run
from kubectl_mltask.sweep import sweep
from kubectl_mltask.top import top
from kubectl_mltask.watch import watch
from mltask_operator import __version__


@click.group()
@click.version_option(__version__, prog_name="kubectl mltask")
def kubectl_mltask() -> None:
    """Work with MLTasks: one allocation each, freed the moment the task ends.

    Ends with 0 where all went well, 1 where a task failed, 2 for a wrong command line or file, 3
    where the cluster did not do what was asked, 130 after Ctrl-C, which ends no task.
    """


for command in (run, logs, watch, top, sweep, cancel, retry):
    kubectl_mltask.add_command(command)
