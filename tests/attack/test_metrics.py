"""Names that a tenant makes up become no metrics, and scrapes delay no task."""

import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from tests.api.team import Json, manifest
from tests.attack.bulk import create
from tests.attack.extent import size
from tests.attack.record import EDITS, Record
from tests.attack.scene import Scene, peak_mib
from tests.waiting import BOUND

TASKS = size(1_000, 10)
RESOURCES = 30
THREADS = size(16, 2)
FATE = {"run_seconds": 1.5}
"""Long enough to count: Kubernetes' times are whole seconds."""
SERIES = 16
"""For one namespace: the resources that a node offers, and one for all others."""
SCRAPE_SECONDS = size(1, 10)


def tasks() -> Iterator[Json]:
    """Yield tasks, each with made-up resources of its own."""
    for number in range(TASKS):
        made_up = {f"r{number}.example.com/x{n}": "0" for n in range(RESOURCES)}
        requests = {"cpu": "1m", **made_up}
        yield manifest(f"t{number}", fate=FATE, resources={"requests": requests})


@contextmanager
def scraping(port: int, seconds: list[float]) -> Iterator[None]:
    """Have threads scrape the port within the block, and collect how long each scrape took."""
    is_over = threading.Event()

    def scrape() -> None:
        while not is_over.is_set():
            began = time.monotonic()
            urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60).read()
            seconds.append(time.monotonic() - began)

    threads = [threading.Thread(target=scrape) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        is_over.set()
        for thread in threads:
            thread.join()


def test_made_up_resources(scene: Scene, record: Record) -> None:
    what = f"{TASKS:,} tasks with {RESOURCES} made-up resources each, {THREADS} threads scrape"
    with record.attack(EDITS, what) as attack:
        operator = scene.start()
        assert create(scene.attacker, tasks()) == TASKS
        scene.attacker.wait_until_finished(TASKS, BOUND)
        name = "mltask_allocated_resource_seconds_total"
        series = scene.scrape().by(name, "namespace", "resource")
        own = [key for key in series if key[0] == scene.attacker.namespace]
        seconds: list[float] = []
        with scraping(scene.metrics_port, seconds):
            for _ in range(size(20, 2)):
                scene.probe(attack)
        attack.memory = peak_mib(operator)
        attack.seen = f"{len(own):,} series, slowest scrape {max(seconds):.2f} s"
        assert len(own) <= SERIES
        assert max(seconds) < SCRAPE_SECONDS
