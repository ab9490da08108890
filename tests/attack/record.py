"""Record: each attack that was tried, and its measured effect on another namespace."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

EDITS = "may edit MLTasks in one namespace"
PODS = "may only create Pods in one namespace"
OUTPUT = "controls a container's output"
PORTS = "reaches the operator's ports"


@dataclass
class Attack:
    """A row of docs/security.md.

    Seconds are the worst that was seen: `ready` from the operator's start until a waiting task of
    another namespace has its Pod, `pod` and `finished` from the creation of such a task. `bare_pod`
    and `bare_finished` are the same for Pods that the test creates itself, beside these tasks.
    `memory` is the operator's peak in MiB, and `seen` what else was measured.
    """

    who: str
    what: str
    ready: float | None = None
    pod: float | None = None
    finished: float | None = None
    bare_pod: float | None = None
    bare_finished: float | None = None
    memory: float | None = None
    seen: str = ""
    is_harmless: bool = False


class Record:
    """The attacks of a run, in order."""

    def __init__(self) -> None:
        self.attacks: list[Attack] = []

    @contextmanager
    def attack(self, who: str, what: str) -> Iterator[Attack]:
        """Record the attack of this block, which is harmless unless the block raises."""
        tried = Attack(who, what)
        self.attacks.append(tried)
        yield tried
        tried.is_harmless = True
