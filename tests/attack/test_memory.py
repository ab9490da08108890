"""Memory follows the number of tasks, and not what users put into them.

The delays of the other namespace's tasks are recorded and not checked: beside so many bytes, the
API server and the scheduler are slow too. The report marks them.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from localcluster import Cluster
from tests.api.installed import cluster_with_chart
from tests.api.team import Json, Team, manifest
from tests.attack.bulk import create, each
from tests.attack.extent import IS_WHOLE, MEMORY_MIB
from tests.attack.record import EDITS, Record
from tests.attack.scene import Scene, peak_mib
from tests.harness.shared import measured

SECONDS = 900.0
STRING, STRINGS, OBJECTS = "one string", "tiny strings", "empty objects"
STARTUP_SECONDS = 120.0
"""The chart's startupProbe. The API server takes most of this to encode large lists."""
GROWTH_MIB = 50
"""In a sample: what its tasks may add. Each of them takes 15 MiB as Python objects."""
NOWHERE = {"nodeSelector": {"example.com/no": "such-node"}}
PHASES = {
    "suspended": "Suspended",
    "pending": "Pending",
    "running": "Running",
    "finished": "Succeeded",
    "failed": "Failed",
}


@dataclass(frozen=True)
class Crowd:
    """Many tasks of one state; `bulk` says in what the bytes of each are.

    Empty objects cost the most memory, in the API server too: 10 GB for 300 tasks.
    """

    count: int
    size: int
    state: str
    bulk: str = STRING

    def __str__(self) -> str:
        return f"{self.count:,} {self.state} tasks of {self.size / 1000:,.0f} kB in {self.bulk}"

    def tasks(self) -> Iterator[Json]:
        """Yield the tasks; those that have ended have yet to be given their status."""
        has_pod = self.state in ("pending", "running")
        template: Json = {"spec": dict(NOWHERE) if self.state == "pending" else {}}
        fields: Json = {}
        if self.bulk == STRING:
            fields["env"] = [{"name": "X", "value": "x" * self.size}]
        elif self.bulk == STRINGS:
            fields["args"] = ["ab"] * (self.size // 5)
        else:
            template["spec"]["tolerations"] = [{}] * (self.size // 3)
        for number in range(self.count):
            yield manifest(f"t{number}", suspend=not has_pod, template=template, **fields)

    def end(self, team: Team) -> None:
        """Write the outcome, as an operator did that has been replaced since."""
        outcome = {
            "phase": PHASES[self.state],
            "reason": "Completed" if self.state == "finished" else "PodInvalid",
            "completionTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "attempts": 1 if self.state == "finished" else 0,
        }

        def patch(number: int) -> int:
            path = f"{team.path('mltasks', f't{number}')}/status"
            return team.client.request("PATCH", path, {"status": outcome})[0]

        assert set(each(patch, range(self.count))) == {200}


WHOLE = [
    *(Crowd(300, 900_000, state) for state in ("suspended", "pending", "running", "finished")),
    Crowd(300, 900_000, "suspended", STRINGS),
    # The API server and the simulated nodes need 20 GB for 300 such Pods.
    Crowd(60, 700_000, "pending", STRINGS),
    Crowd(60, 700_000, "running", STRINGS),
    Crowd(30, 900_000, "suspended", OBJECTS),
    Crowd(30, 900_000, "finished", OBJECTS),
    Crowd(200, 1_300_000, "failed"),
    Crowd(3_000, 50_000, "running"),
    Crowd(20_000, 2_000, "suspended"),
]
SAMPLE = [Crowd(8, 300_000, "suspended", OBJECTS)]


@pytest.fixture(name="cluster")
def cluster_of_a_crowd(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """In full size, each crowd has a cluster that ends with it.

    An API server keeps what was deleted for minutes, and needs far more memory than the operator.
    """
    if IS_WHOLE:
        with measured(request, "crowd", cluster_with_chart) as started:
            yield started
    else:
        yield request.getfixturevalue("shared_cluster")


@pytest.fixture
def is_cleared() -> bool:
    """Nothing is deleted: in full size the cluster ends, and a sample has little."""
    return False


@pytest.mark.parametrize("crowd", WHOLE if IS_WHOLE else SAMPLE, ids=str)
def test_peak_memory(scene: Scene, record: Record, crowd: Crowd) -> None:
    with record.attack(EDITS, str(crowd)) as attack:
        while_running = scene.start()
        before = peak_mib(while_running)
        assert create(scene.attacker, crowd.tasks()) == crowd.count
        if crowd.state in ("finished", "failed"):
            crowd.end(scene.attacker)
        scene.wait_for_tasks(crowd.count, PHASES[crowd.state], SECONDS)
        scene.measure(attack)
        arriving = peak_mib(while_running)
        while_running.stop()
        operator = scene.start_among(attack, STARTUP_SECONDS)
        scene.wait_for_tasks(crowd.count, PHASES[crowd.state], SECONDS)
        scene.measure(attack)
        starting = peak_mib(operator)
        attack.memory = max(arriving, starting)
        attack.seen = f"peak {arriving:.0f} MiB while running, {starting:.0f} MiB at a start"
        allowed = MEMORY_MIB if IS_WHOLE else before + GROWTH_MIB
        assert attack.memory < allowed, attack.seen
