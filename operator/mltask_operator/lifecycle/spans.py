"""Times as Kubernetes has them: in whole seconds, and in words as kubectl prints them."""

from datetime import datetime, timedelta

from mltask_operator.api import durations


def in_seconds(moment: datetime) -> datetime:
    """Cut a time to whole seconds, as metav1.Time has them."""
    return moment.replace(microsecond=0)


def whole_seconds(span: timedelta) -> int:
    """Return the span in seconds, cut to a whole number."""
    return int(span / timedelta(seconds=1))


def in_words(start: datetime | None, end: datetime) -> str | None:
    """Return the time between the two in words, None without a start."""
    return None if start is None else durations.in_words((end - start).total_seconds())
