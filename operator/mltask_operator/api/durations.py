"""Durations in words, as kubectl prints them."""

_MINUTE, _HOUR, _DAY, _YEAR = 60, 3600, 86_400, 365 * 86_400


def in_words(seconds: float) -> str:
    """Return a duration as kubectl prints one, for example 59s, 3m20s, 66m, 3h5m, 2d4h or 400d.

    https://pkg.go.dev/k8s.io/apimachinery/pkg/util/duration#HumanDuration
    """
    whole = max(0, int(seconds))
    if whole < 2 * _MINUTE:
        return f"{whole}s"
    if whole < 10 * _MINUTE:
        return _two(whole, _MINUTE, "m", 1, "s")
    if whole < 3 * _HOUR:
        return f"{whole // _MINUTE}m"
    if whole < 8 * _HOUR:
        return _two(whole, _HOUR, "h", _MINUTE, "m")
    if whole < 2 * _DAY:
        return f"{whole // _HOUR}h"
    if whole < 8 * _DAY:
        return _two(whole, _DAY, "d", _HOUR, "h")
    if whole < 2 * _YEAR:
        return f"{whole // _DAY}d"
    if whole < 8 * _YEAR:
        return _two(whole, _YEAR, "y", _DAY, "d")
    return f"{whole // _YEAR}y"


def _two(seconds: int, size: int, unit: str, smaller_size: int, smaller_unit: str) -> str:
    rest = seconds % size // smaller_size
    return f"{seconds // size}{unit}" + (f"{rest}{smaller_unit}" if rest else "")
