"""Observe, decide, act, and look again: what is done for one task when its key is woken."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from mltask_operator.api.status import MLTaskStatus
from mltask_operator.kube import parse
from mltask_operator.kube.errors import ApiError
from mltask_operator.kube.events import event_from
from mltask_operator.kube.refusals import refusal_from
from mltask_operator.lifecycle.actions import (
    Action,
    CreatePod,
    DeletePod,
    DeleteTask,
    HoldPod,
    Queue,
    ReadTask,
    ReleasePod,
    Wait,
    WriteStatus,
)
from mltask_operator.lifecycle.announce import announce
from mltask_operator.lifecycle.decide import decide
from mltask_operator.lifecycle.manifest import pod_manifest
from mltask_operator.lifecycle.observed import Observed, Owner, Pod, Refusal, RefusalKind, Task
from mltask_operator.runtime.listing import read_task
from mltask_operator.runtime.metrics import Metrics
from mltask_operator.runtime.quota_queue import QuotaQueue
from mltask_operator.runtime.server import Server
from mltask_operator.runtime.store import Store

logger = logging.getLogger("mltask_operator.tasks")

MAX_ACTIONS = 20
"""In one go for one task. A life has fewer; more of them are a loop, and must not run hot."""


class Reconciler:
    """Carries out what `decide` says against the API server, and records each answer."""

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
        """Use these; `tell` is given Events to post, and neither waits nor raises.

        `is_crowded` says whether other tasks wait their turn.
        """
        self._api = api
        self._store = store
        self._quota = quota
        self._clock = clock
        self._metrics = metrics
        self._tell = tell
        self._is_crowded = is_crowded

    async def reconcile(self, uid: str) -> timedelta | None:
        """Act for the task of this uid until it has to wait; return for how long, if that is known.

        Raise ApiError or Unreachable where the API server did not do as it was asked, and all
        there is to do about it is to try again; RuntimeError where acting changes nothing.
        """
        try:
            return await self._go_on(uid)
        except Exception:
            # Whatever is wrong with this one, those behind it go on.
            self._quota.leave(uid)
            raise

    async def _go_on(self, uid: str) -> timedelta | None:
        for _ in range(MAX_ACTIONS):
            seen = self._observe(uid)
            if seen is None:
                return None
            now = self._clock()
            action = decide(seen, now)
            if isinstance(action, Queue):
                self._quota.park(action.task)
                return action.until - now
            if isinstance(action, Wait):
                self._quota.leave(uid)
                return action.until - now if action.until else None
            await self._act(action, seen.owner)
        last = type(action).__name__
        raise RuntimeError(f"acted {MAX_ACTIONS} times in one go, the last time by {last}")

    def _observe(self, uid: str) -> Observed | None:
        seen = self._store.observe(uid)
        if seen is None:
            self._quota.leave(uid)
            return None
        if seen.task is None or seen.pods:
            return replace(seen, is_crowded=self._is_crowded())
        refusal = seen.refusal
        is_for_quota = refusal is not None and refusal.kind is RefusalKind.QUOTA
        if is_for_quota and self._quota.is_released(uid, seen.owner.namespace):
            self._store.forget_refusal(uid)
            refusal = None
        return replace(seen, behind=self._quota.behind(seen.task), refusal=refusal)

    async def _act(self, action: Action, owner: Owner) -> None:
        match action:
            case CreatePod(task, attempt):
                await self._create_pod(task, attempt, owner)
            case WriteStatus(task, status):
                await self._write_status(task, status, owner)
            case DeletePod(pod):
                delete = self._api.delete_pod(pod.namespace, pod.name, pod.uid)
                await self._change(pod, owner, delete)
            case HoldPod(pod):
                await self._change(pod, owner, self._api.hold_pod(pod.namespace, pod.name, pod.uid))
                _log(owner, f"put the finalizer back on Pod {pod.name}", pod=pod.name)
            case ReleasePod(pod):
                release = self._api.release_pod(
                    pod.namespace, pod.name, pod.uid, is_being_deleted=pod.is_being_deleted
                )
                await self._change(pod, owner, release)
                self._metrics.note_released(pod, self._clock())
                _log(owner, f"released Pod {pod.name}", pod=pod.name)
            case DeleteTask(task):
                await self._delete_task(task, owner)
            case ReadTask(asked):
                await read_task(self._api, self._store, asked)

    async def _create_pod(self, task: Task, attempt: int, owner: Owner) -> None:
        manifest = pod_manifest(task, attempt)
        name = manifest["metadata"]["name"]
        releases = self._quota.releases(task.namespace)
        try:
            body = await self._api.create_pod(manifest)
            self._store.record_pod(body)
            self._metrics.note_created(task, attempt, parse.created_at(body))
            _log(owner, f"created Pod {name}, attempt {attempt}", pod=name, attempt=attempt)
        except ApiError as error:
            if error.reason == "AlreadyExists":
                await self._adopt_pod(task, manifest, owner)
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

    async def _adopt_pod(self, task: Task, manifest: dict[str, Any], owner: Owner) -> None:
        """Take the Pod of this name for the attempt's own, if it is: an earlier answer was lost."""
        name = manifest["metadata"]["name"]
        try:
            body = await self._api.get_pod(task.namespace, name)
        except ApiError as error:
            if error.code == 404:
                return
            raise
        if parse.owner_from(body) == owner and parse.is_owned_by(body, task.uid):
            if not parse.is_labelled(body):
                # Somebody took off what it is watched by.
                labels = manifest["metadata"]["labels"]
                body = await self._api.label_pod(
                    task.namespace, name, body["metadata"]["uid"], labels
                )
            if self._store.record_pod(body):
                return
        message = f"a Pod named {name} exists that is not this task's: delete it"
        refusal = Refusal(kind=RefusalKind.NAME_TAKEN, message=message, at=self._clock())
        self._store.record_refusal(task.uid, refusal)

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
        _log(owner, _headline(status), phase=status.phase.value, reason=status.reason)

    async def _delete_task(self, task: Task, owner: Owner) -> None:
        try:
            await self._api.delete_task(task.namespace, task.name, task.uid, task.resource_version)
        except ApiError as error:
            if error.code not in (404, 409):
                raise
        else:
            _log(owner, "deleted, since its time to live has passed")
        # Others' finalizers may keep it for a while; and who changed it may have changed that time.
        await read_task(self._api, self._store, owner)

    async def _change(self, pod: Pod, owner: Owner, request: Awaitable[dict[str, Any]]) -> None:
        try:
            self._store.record_pod_written(await request)
        except ApiError as error:
            if not error.says_pod_is_gone:
                raise
            self._store.record_pod_missing(owner.uid, pod.uid)

    def _knows_no_better_than(self, task: Task) -> bool:
        seen = self._store.observe(task.uid)
        return seen is not None and seen.task is task


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


def _log(owner: Owner, text: str, **fields: object) -> None:
    extra = {"namespace": owner.namespace, "task": owner.name, "task_uid": owner.uid, **fields}
    logger.info("%s/%s: %s", owner.namespace, owner.name, text, extra=extra)
