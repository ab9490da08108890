"""The operator as a process of its own, which tests start, stop, kill and read."""

import re

from localcluster import operator_process
from localcluster.operator_process import PROGRAM, free_port

__all__ = ["PROGRAM", "OperatorProcess", "free_port"]


class OperatorProcess(operator_process.OperatorProcess):
    """One run of `mltask-operator run`."""

    def lines_about(self, task: str) -> list[str]:
        """Return what it logged of a task, without times."""
        return re.findall(rf"INFO \S+/{re.escape(task)}: (.*)", self.log)
