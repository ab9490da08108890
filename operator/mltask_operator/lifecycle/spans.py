"""Times as Kubernetes has them: in whole seconds, and in words as kubectl prints them."""

from datetime import datetime, timedelta


def in_seconds(moment: datetime) -> datetime:
    """Cut a time to whole seconds, as metav1.Time has them."""
    return moment.replace(microsecond=0)


def whole_seconds(span: timedelta) -> int:
    """Return the span in seconds, cut to a whole number."""
    return int(span / timedelta(seconds=1))


def in_words(start: datetime | None, end: datetime) -> str | None:
    """Return a time span as kubectl prints one: five characters at most, for example 3m20s."""
    if start is None:
        return None
    seconds = max(0, whole_seconds(end - start))
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if seconds < 120:
        return f"{seconds}s"
    if minutes < 10:
        return f"{minutes}m{seconds % 60}s"
    if hours < 3:
        return f"{minutes}m"
    if hours < 8:
        return f"{hours}h{minutes % 60}m"
    if hours < 48:
        return f"{hours}h"
    return f"{days}d{hours % 24}h" if days < 8 else f"{days}d"
