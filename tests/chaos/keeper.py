"""Whoever starts the operator again when it has died, as a kubelet does."""

import subprocess
import threading
from collections.abc import Callable
from typing import Self

from tests.api.operator_process import OperatorProcess


class Keeper:
    """Has an operator running within the block; `start` starts one, given its number from 1 on."""

    def __init__(self, start: Callable[[int], OperatorProcess]) -> None:
        self.starts = 0
        self.failure: Exception | None = None
        self._start = start
        self._is_closing = threading.Event()
        self._thread = threading.Thread(target=self._keep)

    def __enter__(self) -> Self:
        self._start_one()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_closing.set()
        self._thread.join()
        # Nothing is left for it to do, and an end in good order would take longer.
        self._operator.kill()

    def kill(self) -> None:
        """End the operator as a crash does; another one follows."""
        self._operator.kill()

    def _start_one(self) -> None:
        self._operator = self._start(self.starts + 1)
        self.starts += 1

    def _keep(self) -> None:
        while not self._is_closing.is_set():
            try:
                self._operator.wait(0.1)
                self._start_one()
            except subprocess.TimeoutExpired:
                continue
            except Exception as error:  # told by whoever waits for the operator in vain
                self.failure = error
                return
