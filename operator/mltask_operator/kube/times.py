"""Times and spans of Kubernetes objects, bounded so that arithmetic with them cannot overflow.

Users choose some of them: a Pod's grace period may be any int64, and then its deletionTimestamp is
in a year that Python does not know.
"""

from datetime import UTC, datetime, timedelta

from mltask_operator.api.base import MAX_SECONDS

_EARLIEST = datetime(1971, 1, 1, tzinfo=UTC)
_LATEST = datetime(9000, 1, 1, tzinfo=UTC)


def bounded_seconds(count: float) -> timedelta:
    """Return a span of this many seconds, cut to between 0 and MAX_SECONDS (68 years)."""
    return timedelta(seconds=min(max(count, 0), MAX_SECONDS))


def time_from(text: str) -> datetime:
    """Return the time that an RFC 3339 text names, in UTC where it names no zone.

    Raise ValueError for another text, and for a time that is not between the years 1971 and 9000.
    """
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        time = time.replace(tzinfo=UTC)
    if not _EARLIEST <= time <= _LATEST:
        raise ValueError(f"{text[:40]!r} is out of range")
    return time


def optional_time(text: str | None) -> datetime | None:
    """Return the time, or None where there is none or it is not usable.

    A container that never ran has Go's zero time, or the epoch, as its times.
    """
    if not text:
        return None
    try:
        return time_from(text)
    except ValueError:
        return None
