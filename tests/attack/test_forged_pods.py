"""Forged Pods and quotas of one namespace change and delay nothing in another one."""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice

import pytest

from tests.api.operator_process import OperatorProcess
from tests.api.team import Json, manifest
from tests.attack import forged
from tests.attack.bulk import create, each
from tests.attack.extent import READY_SECONDS, SEED, SHORT_LEASE_SECONDS, size
from tests.attack.log import odd_requests, tracebacks
from tests.attack.record import EDITS, PODS, Record
from tests.attack.scene import Scene

COUNT = size(2000, 60)
ENTRIES = size(3000, 100)
BATCH = 20
PROBES = size(60, 3)


class Forger:
    """The attacker: a seeded generator of forged objects, which are created in batches."""

    def __init__(self, scene: Scene, seed: str) -> None:
        self._scene = scene
        self._lot = random.Random(seed)  # noqa: S311 (no secret)
        scene.attacker.run("own", suspend=True)
        self._own = scene.attacker.get("mltask", "own")
        foreign = scene.other.get("mltask", "running")
        self._pods = forged.pods(self._lot, COUNT, self._own, foreign)
        self.accepted = 0
        self.left = COUNT

    def forge(self, count: int) -> None:
        """Create so many Pods; delete every fourth, which finalizers or nodes may hold."""
        made = list(islice(self._pods, count))
        self.left -= len(made)
        self.accepted += create(self._scene.attacker, made)
        names = [pod["metadata"]["name"] for pod in made[::4]]
        each(lambda name: self._request("DELETE", "pods", name), names)

    def forge_all(self) -> None:
        """Create all Pods that are left, and the quotas and tasks."""
        self.forge(COUNT)
        self.accepted += create(self._scene.attacker, forged.odd_tasks())
        self.accepted += create(self._scene.attacker, forged.quotas(self._lot, ENTRIES))

    def edit(self) -> None:
        """Create a few Pods and change the quota, as often as the attacker can."""
        self.forge(BATCH)
        amount = str(self._lot.randrange(10**6))
        body = {"spec": {"hard": {f"count/x{n}.example.com": amount for n in range(ENTRIES)}}}
        self._request("PATCH", "resourcequotas", "long", body)

    def _request(self, verb: str, kind: str, name: str, body: Json | None = None) -> int:
        team = self._scene.attacker
        return team.client.request(verb, team.path(kind, name), body)[0]


@pytest.fixture(params=[SEED])
def seed(request: pytest.FixtureRequest) -> str:
    """The seed of the generator; a failed test has it in its name. $ATTACK_SEED sets it."""
    return str(request.param)


@pytest.fixture
def bystanders(scene: Scene) -> dict[str, tuple[str, str]]:
    """Uid and resourceVersion of the other namespace's tasks and Pods, before the attack."""
    operator = scene.start()
    scene.have_bystanders()
    operator.stop()
    return scene.states()


@contextmanager
def forging(forger: Forger) -> Iterator[None]:
    """Have the attacker at work within the block."""
    is_over = threading.Event()

    def work() -> None:
        while not is_over.is_set():
            try:
                forger.edit()
            except BaseException:
                forger.left = 0  # the test must not wait for an attacker that has failed
                raise

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def assert_unharmed(
    scene: Scene, operator: OperatorProcess, states: dict[str, tuple[str, str]], since: int
) -> None:
    """Check what no forged object may change."""
    assert scene.states() == states
    assert odd_requests(scene, since) == []
    operator.raise_if_ended()
    assert tracebacks(operator) == 0, operator.log_tail()


def test_forged_objects_are_there_at_the_start(
    scene: Scene, bystanders: dict[str, tuple[str, str]], record: Record, seed: str
) -> None:
    since = scene.cluster.audit_log.size()
    with record.attack(PODS, f"{COUNT:,} forged Pods and odd quotas, at a start") as attack:
        forger = Forger(scene, seed)
        forger.forge_all()
        operator = scene.start_among(attack)
        assert (attack.ready or 0) < READY_SECONDS
        scene.probe(attack)
        attack.seen = f"{forger.accepted:,} objects accepted"
        assert_unharmed(scene, operator, bystanders, since)


def test_forged_objects_arrive_while_it_runs(
    scene: Scene, bystanders: dict[str, tuple[str, str]], record: Record, seed: str
) -> None:
    since = scene.cluster.audit_log.size()
    with record.attack(PODS, f"{COUNT:,} forged Pods and edited quotas, while it runs") as attack:
        operator = scene.start()
        forger = Forger(scene, seed)
        create(scene.attacker, forged.quotas(random.Random(seed), ENTRIES))  # noqa: S311
        with forging(forger):
            probes = 0
            while forger.left or probes < PROBES:
                scene.probe(attack)
                probes += 1
        attack.seen = f"{forger.accepted:,} Pods accepted, {probes} tasks measured"
        assert_unharmed(scene, operator, bystanders, since)


def test_forged_objects_are_there_at_a_take_over(
    scene: Scene, bystanders: dict[str, tuple[str, str]], record: Record, seed: str
) -> None:
    since = scene.cluster.audit_log.size()
    lease = f"a Lease of {SHORT_LEASE_SECONDS} s"
    what = f"{COUNT:,} forged Pods and odd quotas, leader killed with {lease}"
    with record.attack(PODS, what) as attack:
        scene.lease_seconds = SHORT_LEASE_SECONDS
        leader = scene.start()
        scene.wait_until_leader(READY_SECONDS)
        standby = scene.start()
        forger = Forger(scene, seed)
        forger.forge_all()
        leader.kill()
        scene.other.run("waits", fate={"run_seconds": 0.1})
        began = time.monotonic()
        scene.other.pod_of("waits", seconds=SHORT_LEASE_SECONDS + READY_SECONDS)
        attack.ready = time.monotonic() - began
        scene.probe(attack)
        attack.seen = f"{forger.accepted:,} objects accepted"
        assert_unharmed(scene, standby, bystanders, since)


def test_an_attempt_far_ahead_does_not_count(scene: Scene, record: Record) -> None:
    with record.attack(PODS, "a Pod that claims attempt 99999999999999999999999") as attack:
        scene.attacker.apply(manifest("far", fate={"run_seconds": 0.1}, suspend=True))
        task = scene.attacker.get("mltask", "far")
        reference = {"apiVersion": forged.API_VERSION, "kind": forged.KIND, "controller": True}
        uid = task["metadata"]["uid"]
        for number in ("99999999999999999999999", "2147483648", "1000"):
            body = {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {
                    "name": f"far-{uid[:8]}-{number}",
                    "labels": {forged.TASK: "far", forged.UID: uid, forged.ATTEMPT: number},
                    "ownerReferences": [{**reference, "name": "far", "uid": uid}],
                },
                "spec": {"containers": [{"name": "main", "image": "forged:1"}]},
            }
            scene.attacker.apply(body)
        operator = scene.start_among(attack)
        scene.attacker.client.edit_task(
            scene.attacker.namespace, "far", {"spec": {"suspend": False}}
        )
        done = scene.attacker.wait("far", "condition=Finished", READY_SECONDS)["status"]
        assert (done["phase"], done["attempts"]) == ("Succeeded", 1)
        attack.seen = "the task itself succeeds at its first attempt"
        assert tracebacks(operator) == 0, operator.log_tail()
        scene.probe(attack)


def test_odd_tasks_delay_nobody(
    scene: Scene, bystanders: dict[str, tuple[str, str]], record: Record
) -> None:
    since = scene.cluster.audit_log.size()
    with record.attack(EDITS, "tasks with numbers and amounts far out of range") as attack:
        operator = scene.start()
        accepted = create(scene.attacker, forged.odd_tasks())
        scene.probe(attack)
        operator.stop()
        operator = scene.start_among(attack)
        scene.probe(attack)
        attack.seen = f"{accepted} tasks accepted"
        assert_unharmed(scene, operator, bystanders, since)
