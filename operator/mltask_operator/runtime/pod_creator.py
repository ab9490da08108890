"""Creation of the Pod of an attempt, and adoption of one whose creation was not answered."""

import json
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from mltask_operator.kube import parse
from mltask_operator.kube.errors import ApiError, StrayAnswer
from mltask_operator.kube.refusals import refusal_from
from mltask_operator.lifecycle.manifest import pod_manifest
from mltask_operator.lifecycle.observed import Owner, Refusal, RefusalKind, Task
from mltask_operator.runtime.listing import read_task
from mltask_operator.runtime.metrics import Metrics
from mltask_operator.runtime.quota_queue import QuotaQueue
from mltask_operator.runtime.server import Server
from mltask_operator.runtime.store import Store

logger = logging.getLogger("mltask_operator.tasks")


class PodCreator:
    """Creates Pods, and records what the API server answers."""

    def __init__(
        self,
        api: Server,
        store: Store,
        quota: QuotaQueue,
        clock: Callable[[], datetime],
        metrics: Metrics,
    ) -> None:
        self._api = api
        self._store = store
        self._quota = quota
        self._clock = clock
        self._metrics = metrics

    async def create(self, task: Task, attempt: int, key: str, owner: Owner) -> None:
        """Create the Pod of this attempt and record it, or record why it was refused.

        Raise as `Server` does where a request failed and only a retry can help.
        """
        spec = self._store.spec(key) or await self._read_spec(task, owner)
        if spec is None:
            return
        manifest = pod_manifest(task, spec, attempt)
        name, labels = manifest["metadata"]["name"], manifest["metadata"]["labels"]
        text = json.dumps(manifest)
        # As Python objects, a large one takes thirty times the memory of its text.
        del spec, manifest
        releases = self._quota.releases(task.namespace)
        try:
            body = await self._api.create_pod(task.namespace, text)
            self._store.record_pod(body)
            self._quota.note_created(task, body)
            self._metrics.note_created(task, attempt, parse.created_at(body))
            log_of(owner, f"created Pod {name}, attempt {attempt}", pod=name, attempt=attempt)
        except StrayAnswer as error:
            # If the Pod was created all the same, the next try meets it and adopts it.
            if refusal := refusal_from(error, self._clock()):
                self._store.record_refusal(task.uid, refusal)
            else:
                raise
        except ApiError as error:
            if error.reason == "AlreadyExists":
                await self._adopt_pod(task, name, labels, owner)
            elif error.code == 404:
                await read_task(self._api, self._store, owner)
                if self._knows_no_better_than(task):
                    raise
            elif refusal := refusal_from(error, self._clock()):
                self._store.record_refusal(task.uid, refusal)
                if refusal.kind is RefusalKind.QUOTA:
                    self._quota.refuse(task, refusal.excess, releases)
            else:
                raise

    async def _read_spec(self, task: Task, owner: Owner) -> dict[str, Any] | None:
        """Return the spec of a task that is too large for it to be kept; None where it is gone."""
        try:
            spec = await self._api.get_task_spec(task.namespace, task.name, task.uid)
        except ApiError as error:
            if error.code != 404:
                raise
            spec = None
        if spec is None:
            await read_task(self._api, self._store, owner)
        return spec

    async def _adopt_pod(self, task: Task, name: str, labels: dict[str, str], owner: Owner) -> None:
        """Adopt the Pod of this name if it is the attempt's own: an earlier answer was lost."""
        try:
            body = await self._api.get_pod(task.namespace, name)
        except ApiError as error:
            if error.says_is_gone("pods", name):
                return
            raise
        if parse.owner_from(body) == owner and parse.is_owned_by(body, task.uid):
            if not parse.is_labelled(body):
                # Someone removed the label that the watch selects on.
                body = await self._api.label_pod(
                    task.namespace, name, body["metadata"]["uid"], labels
                )
            self._store.record_pod(body, is_certain=True)
            return
        message = f"a Pod named {name} exists that is not this task's: delete it"
        refusal = Refusal(kind=RefusalKind.NAME_TAKEN, message=message, at=self._clock())
        self._store.record_refusal(task.uid, refusal)

    def _knows_no_better_than(self, task: Task) -> bool:
        seen = self._store.observe(task.uid)
        return seen is not None and seen.task is task


def log_of(owner: Owner, text: str, **fields: object) -> None:
    """Log what was done for a task; `fields` go into JSON records."""
    extra = {"namespace": owner.namespace, "task": owner.name, "task_uid": owner.uid, **fields}
    logger.info("%s/%s: %s", owner.namespace, owner.name, text, extra=extra)
