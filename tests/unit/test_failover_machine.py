"""The promises under failover: one operator acts, and another, whose watches lag, takes over."""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.unit.simulated_operator import KINDS, SimulatedOperator
from tests.unit.test_state_machine import TaskLife, TestTaskLife


class TaskLifeWithFailover(TaskLife):
    """One task, the operator that leads and the one that stands by."""

    def __init__(self) -> None:
        super().__init__()
        self.standby = SimulatedOperator(self.api, lambda: self.now)
        self.standby.restart()

    def note(self, kind: str, event: str, body: dict[str, Any]) -> None:
        self.standby.note(kind, event, body)
        super().note(kind, event, body)

    @rule(kind=st.sampled_from(KINDS), count=st.sampled_from([1, 2, 100]))
    def deliver_to_standby(self, kind: str, count: int) -> None:
        self.standby.deliver(kind, count)

    @rule()
    def fail_over(self) -> None:
        self.operator, self.standby = self.standby, self.operator
        self.operator.take_over()
        self.reconcile(None)

    @rule()
    def fail_over_to_one_just_started(self) -> None:
        self.standby.restart()
        self.fail_over()


TestTaskLifeWithFailover = TaskLifeWithFailover.TestCase
TestTaskLifeWithFailover.settings = settings(TestTaskLife.settings, max_examples=500)
del TestTaskLife
