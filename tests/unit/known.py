"""What a store knows of the tests' one task, and the listings that it is compared with."""

from mltask_operator.lifecycle.observed import Observed, Task
from mltask_operator.runtime.entry import Listing
from mltask_operator.runtime.store import Store
from tests.unit.pods import UID


def seen(store: Store) -> Observed:
    """Return all that is known of the task."""
    observed = store.observe(UID)
    assert observed is not None
    return observed


def task_in(store: Store) -> Task:
    """Return the task, as it is known."""
    task = seen(store).task
    assert task is not None
    return task


def versions(store: Store) -> list[str]:
    """Return the resourceVersions of the Pods that are known."""
    return [pod.resource_version for pod in seen(store).pods]


def listing(version: int, *uids: str) -> Listing:
    """Return a complete listing that showed these objects."""
    return Listing(frozenset(uids), version)
