"""The operator as a separate process, which tests start, stop, kill and read."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from localcluster import operator_process
from localcluster.operator_process import PROGRAM, Process, free_port
from localcluster.state import VARIABLE
from tests.harness.forked import Forked

__all__ = ["PROGRAM", "OperatorProcess", "free_port"]


class OperatorProcess(operator_process.OperatorProcess):
    """One run of `mltask-operator run`.

    It is forked from a process that has imported the operator already, which saves most of the
    CPU time of a start. tests/api/test_cli.py and tests/e2e start the real program.
    """

    def lines_about(self, task: str) -> list[str]:
        """Return what it logged of a task, without times."""
        return re.findall(rf"INFO \S+/{re.escape(task)}: (.*)", self.log)

    @classmethod
    def _spawn(cls, command: Sequence[str], environment: Mapping[str, str], log: Path) -> Process:
        program, *arguments = command
        # A cluster finds the processes that end with it by the environment of their start.
        if program != str(PROGRAM) or VARIABLE in environment:
            return super()._spawn(command, environment, log)
        return Forked(arguments, environment, log)
