"""Reconcile one task: observe, decide, act, and observe again."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from mltask_operator.api.status import MLTaskStatus
from mltask_operator.kube.errors import ApiError
from mltask_operator.kube.events import event_from
from mltask_operator.lifecycle.actions import (
    Action,
    CreatePod,
    DeletePod,
    DeleteTask,
    HoldPod,
    Queue,
    ReadPod,
    ReadTask,
    ReleasePod,
    Wait,
    WriteStatus,
)
from mltask_operator.lifecycle.announce import announce
from mltask_operator.lifecycle.decide import decide
from mltask_operator.lifecycle.observed import Observed, Owner, Pod, RefusalKind, Task
from mltask_operator.runtime.listing import read_pod, read_task
from mltask_operator.runtime.metrics import Metrics
from mltask_operator.runtime.pod_creator import PodCreator, log_of
from mltask_operator.runtime.quota_queue import QuotaQueue
from mltask_operator.runtime.server import Server
from mltask_operator.runtime.store import Store

MAX_ACTIONS = 20
"""In one go for one task. A task's life has fewer; more are a loop, which must not run hot."""
MAX_QUOTA_REFUSALS = 2
"""In one go for one task: quota may be released while its request is in flight. A user can do that
all the time, so the task is then requeued behind the others."""


class Reconciler:
    """Carries out each action that `decide` returns, and records the API server's answer."""

    def __init__(
        self,
        api: Server,
        store: Store,
        quota: QuotaQueue,
        clock: Callable[[], datetime],
        metrics: Metrics,
        tell: Callable[[dict[str, Any]], None],
        *,
        is_crowded: Callable[[], bool],
    ) -> None:
        """Use these. `tell` queues an Event for posting; it neither blocks nor raises.

        `is_crowded` returns whether other tasks wait for their turn.
        """
        self._api = api
        self._store = store
        self._quota = quota
        self._clock = clock
        self._metrics = metrics
        self._tell = tell
        self._is_crowded = is_crowded
        self._creator = PodCreator(api, store, quota, clock, metrics)

    async def reconcile(self, key: str) -> timedelta | None:
        """Act for the task of this key until it has to wait; return for how long, if known.

        Raise ApiError, Unreachable or Unreadable where a request failed and only a retry can help;
        RuntimeError where acting changes nothing.
        """
        try:
            return await self._go_on(key)
        except Exception:
            # The tasks behind this one in the queue for quota must not wait for it.
            self._quota.leave(key)
            raise

    async def _go_on(self, key: str) -> timedelta | None:
        refusals = 0
        for _ in range(MAX_ACTIONS):
            seen = self._observe(key)
            if seen is None:
                return None
            now = self._clock()
            action = decide(seen, now)
            if isinstance(action, Queue):
                self._quota.park(action.task)
                return action.until - now
            if isinstance(action, Wait):
                self._quota.leave(key)
                return action.until - now if action.until else None
            if isinstance(action, CreatePod) and refusals == MAX_QUOTA_REFUSALS:
                return timedelta(0)
            await self._act(action, key, seen.owner)
            refusals += isinstance(action, CreatePod) and self._is_refused_for_quota(key)
        last = type(action).__name__
        raise RuntimeError(f"acted {MAX_ACTIONS} times in one go, the last time by {last}")

    def _is_refused_for_quota(self, key: str) -> bool:
        seen = self._store.observe(key)
        return bool(seen and seen.refusal and seen.refusal.kind is RefusalKind.QUOTA)

    def _observe(self, key: str) -> Observed | None:
        seen = self._store.observe(key)
        if seen is None:
            self._quota.leave(key)
            return None
        if seen.task is None or seen.pods:
            return replace(seen, is_crowded=self._is_crowded())
        refusal = seen.refusal
        is_for_quota = refusal is not None and refusal.kind is RefusalKind.QUOTA
        if is_for_quota and self._quota.is_released(key, seen.owner.namespace):
            self._store.forget_refusal(key)
            refusal = None
        return replace(seen, behind=self._quota.behind(seen.task), refusal=refusal)

    async def _act(self, action: Action, key: str, owner: Owner) -> None:
        match action:
            case CreatePod(task, attempt):
                await self._creator.create(task, attempt, key, owner)
            case WriteStatus(task, status):
                await self._write_status(task, status, owner)
            case DeletePod(pod):
                delete = self._api.delete_pod(pod.namespace, pod.name, pod.uid)
                await self._change(pod, owner, delete)
            case HoldPod(pod):
                await self._change(pod, owner, self._api.hold_pod(pod.namespace, pod.name, pod.uid))
                log_of(owner, f"put the finalizer back on Pod {pod.name}", pod=pod.name)
            case ReleasePod(pod):
                release = self._api.release_pod(
                    pod.namespace, pod.name, pod.uid, is_being_deleted=pod.is_being_deleted
                )
                await self._change(pod, owner, release)
                self._metrics.note_released(pod, self._clock())
                log_of(owner, f"released Pod {pod.name}", pod=pod.name)
            case DeleteTask(task):
                await self._delete_task(task, owner)
            case ReadPod(pod):
                await read_pod(self._api, self._store, owner, pod)
            case ReadTask(asked):
                await read_task(self._api, self._store, asked)

    async def _write_status(self, task: Task, status: MLTaskStatus, owner: Owner) -> None:
        changes = _changes(task.status, status)
        try:
            body = await self._api.patch_status(
                task.namespace, task.name, task.resource_version, changes
            )
        except ApiError as error:
            if error.code not in (404, 409):
                raise
            await read_task(self._api, self._store, owner)
            return
        self._store.record_report(body)
        self._metrics.note_written(task, status)
        if notice := announce(task, status):
            version = body["metadata"]["resourceVersion"]
            self._tell(event_from(task, notice, version, self._clock()))
        log_of(owner, _headline(status), phase=status.phase.value, reason=status.reason)

    async def _delete_task(self, task: Task, owner: Owner) -> None:
        try:
            await self._api.delete_task(task.namespace, task.name, task.uid, task.resource_version)
        except ApiError as error:
            if error.code not in (404, 409):
                raise
        else:
            log_of(owner, "deleted: its time to live has passed")
        # Another finalizer may keep it for a while, and a user may have changed its time to live.
        await read_task(self._api, self._store, owner)

    async def _change(self, pod: Pod, owner: Owner, request: Awaitable[dict[str, Any]]) -> None:
        try:
            self._store.record_pod_written(await request)
        except ApiError as error:
            if not error.says_pod_is_gone(pod.name):
                raise
            self._store.record_pod_missing(owner, pod.uid)


def _changes(old: MLTaskStatus, new: MLTaskStatus) -> dict[str, Any]:
    """Return the merge patch that makes the one status the other: only what differs."""
    before, after = _json(old), _json(new)
    fields = before.keys() | after.keys()
    return {f: after.get(f) for f in fields if before.get(f) != after.get(f)}


def _json(status: MLTaskStatus) -> dict[str, Any]:
    dumped = status.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)
    return {**dumped, "phase": status.phase.value}


def _headline(status: MLTaskStatus) -> str:
    why = ": ".join(filter(None, (status.reason, status.message)))
    return f"{status.phase}, {why}" if why else status.phase
