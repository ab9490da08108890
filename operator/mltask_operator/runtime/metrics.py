"""Metrics: the counters and histograms of the operator's work; docs/metrics.md describes each.

The operator counts an event after it has happened: an answer was recorded, a status was written.
Kubernetes' timestamps are whole seconds. A difference between two of them is off by up to a second
and right on average. If one end is the operator's own clock, it is cut to whole seconds too.
"""

import functools
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
)

from mltask_operator import __version__
from mltask_operator.api.status import MLTaskStatus
from mltask_operator.lifecycle import memory
from mltask_operator.lifecycle.observed import Pod, Task
from mltask_operator.lifecycle.spans import in_seconds
from mltask_operator.runtime import labels
from mltask_operator.runtime.census import Census
from mltask_operator.runtime.resource_seconds import ResourceSeconds

Work = Callable[[str], Awaitable[timedelta | None]]

ALLOCATION_BUCKETS = (1, 2, 5, 10, 30, 60, 300, 900, 3600, 14400, 86400)
"""A task may wait for quota for a day."""
RELEASE_BUCKETS = (1, 2, 5, 10, 30, 60, 300)
REQUEST_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
"""Up to a request's timeout."""
SET_ASIDE_KINDS = ("MLTask", "Pod", "ResourceQuota", "PriorityClass")


class Metrics:
    """The instruments of one operator, in their own registry."""

    def __init__(self) -> None:
        disable_created_metrics()
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        Info("mltask_operator_build", "The operator's version.", registry=self.registry).info(
            {"version": __version__}
        )
        self._attempts = self._counter(
            "mltask_attempts_total",
            "Attempts that have ended, by the reason that status gives.",
            "reason",
        )
        self._disruptions = self._counter(
            "mltask_disruptions_total",
            "Those of them that ended through no fault of the task, by reason.",
            "reason",
        )
        self._finished = self._counter(
            "mltask_tasks_finished_total",
            "Tasks whose outcome was recorded, by phase and reason.",
            "phase",
            "reason",
        )
        self._resource_seconds = ResourceSeconds(self.registry)
        self._allocation_latency = self._histogram(
            "mltask_allocation_latency_seconds",
            "From a task's creation to that of its first Pod; tasks that were suspended aside.",
            ALLOCATION_BUCKETS,
        )
        self._release_latency = self._histogram(
            "mltask_release_latency_seconds",
            "From the end of a Pod's last container to the removal of the Pod.",
            RELEASE_BUCKETS,
        )
        self._reconciles = self._histogram(
            "mltask_operator_reconcile_duration_seconds",
            "Time of one go for one task, with the requests in it.",
            REQUEST_BUCKETS,
        )
        self._reconcile_errors = self._counter(
            "mltask_operator_reconcile_errors_total",
            "Goes that failed and are tried again after a pause.",
        )
        self._requests = self._counter(
            "mltask_operator_api_requests_total",
            "Requests to the API server beside Kopf's watches, by method and by the answer's code "
            "(none: there was no answer).",
            "verb",
            "code",
        )
        self._request_durations = self._histogram(
            "mltask_operator_api_request_duration_seconds",
            "Time from such a request to its answer, by method.",
            REQUEST_BUCKETS,
            "verb",
        )
        set_aside = self._counter(
            "mltask_operator_objects_set_aside_total",
            "Objects that could not be read or acted on and were set aside, by kind.",
            "kind",
        )
        self._set_aside = {kind: set_aside.labels(kind) for kind in SET_ASIDE_KINDS}
        self._census: Census | None = None
        self._requests_of = functools.cache(self._requests.labels)
        self._request_durations_of = functools.cache(self._request_durations.labels)

    def _counter(self, name: str, text: str, *names: str) -> Counter:
        return Counter(name, text, names, registry=self.registry)

    def _histogram(
        self, name: str, text: str, buckets: tuple[float, ...], *names: str
    ) -> Histogram:
        return Histogram(name, text, names, buckets=buckets, registry=self.registry)

    def note_request(self, verb: str, code: int | None, seconds: float) -> None:
        """Count a request, by the code of its answer; None if there was no answer."""
        self._requests_of(verb, labels.code(code)).inc()
        self._request_durations_of(verb).observe(seconds)

    def note_set_aside(self, kind: str) -> None:
        """Count an object that was set aside. Raise ValueError if its kind is unknown."""
        if kind not in self._set_aside:
            raise ValueError(f"{kind!r} is not one of {', '.join(SET_ASIDE_KINDS)}")
        self._set_aside[kind].inc()

    def add_census(self, census: Census) -> None:
        """Register these gauges; `count` updates them."""
        self._census = census
        self.registry.register(census)

    async def count(self) -> None:
        """Update the gauges before a rendering, and drop the series of namespaces that are gone."""
        if self._census:
            self._resource_seconds.retain(await self._census.count())

    def timed(self, work: Work) -> Work:
        """Return the same work, but timed, and counted if it raises."""

        async def timed_work(key: str) -> timedelta | None:
            began = time.perf_counter()
            try:
                return await work(key)
            except Exception:
                self._reconcile_errors.inc()
                raise
            finally:
                self._reconciles.observe(time.perf_counter() - began)

        return timed_work

    def note_created(self, task: Task, attempt: int, created_at: datetime) -> None:
        """Observe the allocation latency. `created_at` is the Pod's, by the API server's clock."""
        # The time that a user kept the task suspended says nothing about the operator. The only
        # condition that an unfinished task can have is Suspended.
        if attempt == 1 and not task.status.conditions:
            self._allocation_latency.observe((created_at - task.created_at).total_seconds())

    def note_written(self, task: Task, status: MLTaskStatus) -> None:
        """Count what this status records: the end of an attempt, the outcome of the task."""
        if reason := labels.reason(_ended(task, status)):
            self._attempts.labels(reason).inc()
            if status.disruptions > task.status.disruptions:
                self._disruptions.labels(reason).inc()
        if status.is_finished:
            self._finished.labels(status.phase.value, labels.reason(status.reason)).inc()
        if (seconds := _held_for(status) - _held_for(task.status)) > 0:
            self._resource_seconds.add(task.namespace, memory.requests(task), seconds)

    def note_released(self, pod: Pod, now: datetime) -> None:
        """Observe the release latency of a Pod that has just lost its finalizer."""
        ends = [c.finished_at for c in pod.containers if c.finished_at]
        # The kubelet removes a Pod that has not ended yet.
        if pod.has_ended and ends:
            span = in_seconds(now) - max(ends)
            self._release_latency.observe(max(0, span.total_seconds()))


def _ended(task: Task, status: MLTaskStatus) -> str | None:
    """Return the reason of the attempt whose end this status is the first to record, if any."""
    if status.is_finished:
        # Without a Pod there was no attempt: the API server refused to create it.
        return status.reason if status.pod_name else None
    if status.history and status.history[-1].attempt > task.settled_attempts:
        return status.history[-1].reason
    return None


def _held_for(status: MLTaskStatus) -> int:
    return status.allocation.seconds if status.allocation else 0
