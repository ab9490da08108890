"""Rate limits: how many log records one task, one namespace or one statement may write.

Who can cause a flood, and what an administrator must still see, decide the limits:

- Lines below WARNING about a task follow a write that the operator made for it. They are the record
  of what happened, so a burst of tasks loses none of them. One task has a bucket of 30 lines, which
  refills with one every 5 seconds: enough for a life with retries, too little for a user who
  suspends and resumes a task in a loop.
- Warnings and errors about a namespace: each statement of the code may log 10 a minute for it, and
  all together 60 a minute. One that fails a thousand times says nothing new after the tenth.
- Records of no namespace are about the operator itself. Each statement may log 10 a minute, so a
  fault that repeats cannot hide the others, and each kind of fault is seen.
- DEBUG is not limited: an administrator who sets it wants everything.

A namespace never uses up another one's share. What is dropped is counted, and reported in one line
per minute and namespace. All tables are bounded, and forget what was not used for the longest time.
"""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable

PERIOD = 60.0
"""Seconds between two reports."""
MOST_COUNTED = 1000
"""Sources whose dropped records are counted by name. Those of further ones are counted together."""


class TokenBuckets:
    """A token bucket for each key: a burst, refilled at a rate. Constant time, bounded memory."""

    def __init__(self, burst: int, per_second: float, most: int) -> None:
        """Keep at most `most` buckets. A bucket that was forgotten is full again."""
        self._burst = float(burst)
        self._per_second = per_second
        self._most = most
        self._buckets: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def take(self, key: Hashable, now: float) -> bool:
        """Take a token of this key at this time, in seconds. Return whether there was one."""
        tokens, at = self._buckets.get(key, (self._burst, now))
        tokens = min(self._burst, tokens + (now - at) * self._per_second)
        has_one = tokens >= 1
        self._buckets[key] = (tokens - 1 if has_one else tokens, now)
        self._buckets.move_to_end(key)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return has_one


class RateLimit(logging.Filter):
    """Drops records beyond the limits, and counts them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._lock = threading.Lock()
        self._of_task = TokenBuckets(burst=30, per_second=0.2, most=4000)
        self._of_namespace = TokenBuckets(burst=60, per_second=1, most=1000)
        self._of_statement = TokenBuckets(burst=10, per_second=1 / 6, most=4000)
        self._dropped: dict[tuple[str, str], int] = {}
        """By what is dropped (a namespace, or a logger without one) and its name."""
        self._since = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to write this record."""
        if record.levelno < logging.INFO:
            return True
        namespace = namespace_of(record)
        with self._lock:
            now = self._clock()
            if self._allows(record, namespace, now):
                return True
            self._count(("namespace", namespace) if namespace else ("logger", record.name), now)
            return False

    def reports(self, *, is_last: bool = False) -> list[tuple[str, str | None]]:
        """Return a line for each source of dropped records, and its namespace, if it has one.

        There are none until a period has passed since the first one was dropped, unless this is
        the last report.
        """
        if not self._dropped:
            return []
        with self._lock:
            seconds = self._clock() - self._since
            if seconds < PERIOD and not is_last:
                return []
            dropped, self._dropped = self._dropped, {}
        return [
            (
                f"dropped {count} log records of {kind} {name} in the last {seconds:.0f} s",
                name if kind == "namespace" else None,
            )
            for (kind, name), count in dropped.items()
        ]

    def _allows(self, record: logging.LogRecord, namespace: str, now: float) -> bool:
        if namespace and record.levelno < logging.WARNING:
            task = str(getattr(record, "task", ""))[:253]
            return self._of_task.take((namespace, task), now)
        # By where it stands: the template of a library's statement may hold names.
        statement = (namespace, record.name, record.pathname, record.lineno)
        if not self._of_statement.take(statement, now):
            return False
        return not namespace or self._of_namespace.take(namespace, now)

    def _count(self, source: tuple[str, str], now: float) -> None:
        if not self._dropped:
            self._since = now
        if source not in self._dropped and len(self._dropped) >= MOST_COUNTED:
            source = ("further", "sources")
        self._dropped[source] = self._dropped.get(source, 0) + 1


def namespace_of(record: logging.LogRecord) -> str:
    """Return the namespace that the record is about: ours name it, Kopf's refer to an object."""
    namespace = getattr(record, "namespace", None)
    if namespace is None:
        reference = getattr(record, "k8s_ref", None)
        namespace = reference.get("namespace") if isinstance(reference, dict) else None
    return namespace[:253] if isinstance(namespace, str) else ""
