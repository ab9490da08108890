"""Lines of a container's log that is read in several parts, without a gap or a repetition.

The kubelet puts a timestamp before each line and cuts `sinceTime` to whole seconds, so each part
begins with lines that were there before.
https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#get-read-log-of-the-specified-pod
"""

import re
from collections import Counter
from datetime import UTC, datetime

_STAMP = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_MAX_STAMP = 40


class LogLines:
    """Takes the bytes of each part, and returns what is new of them, without the timestamps."""

    def __init__(self) -> None:
        self._second = 0
        """The latest second with a whole line."""
        self._seen: Counter[bytes] = Counter()
        """The timestamps of the whole lines of that second: a log may hold one several times."""
        self._known: Counter[bytes] = Counter()
        """The timestamps in `_seen` that the current part has not repeated yet."""
        self._head = b""
        """The begin of a line, when its timestamp is not there in full."""
        self._stamp: bytes | None = None
        """The timestamp of the current line; None between lines, empty if it has none."""
        self._length = 0
        """The bytes of the current line so far."""
        self._hidden = 0
        """The bytes of the current line that an earlier part had."""
        self._is_repeated = False
        self._cut: tuple[bytes, int] = b"", 0
        """The timestamp of the line in which the part before has ended, and its bytes so far."""

    @property
    def since(self) -> str:
        """The value of `sinceTime` for the next part; empty before the first whole line."""
        if not self._second:
            return ""
        return datetime.fromtimestamp(self._second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def begin_part(self) -> None:
        """Expect the first bytes of a part that was requested with `since`."""
        if self._stamp and not self._is_repeated:
            self._cut = self._stamp, max(self._length, self._hidden)
        self._known = self._seen.copy()
        self._head, self._stamp = b"", None

    def new(self, data: bytes) -> bytes:
        """Return the part of these bytes that no earlier part had."""
        text = self._head + data
        self._head = b""
        found = []
        while text:
            if self._stamp is None:
                stamp, space, content = text[:_MAX_STAMP].partition(b" ")
                if not space and b"\n" not in stamp and len(stamp) < _MAX_STAMP:
                    self._head = text
                    break
                self._begin_line(stamp if space and _second_of(stamp) is not None else b"")
                text = text[len(stamp) + 1 :] if self._stamp else text
            content, newline, text = text.partition(b"\n")
            found.append(self._unhidden(content + newline))
            if newline:
                self._end_line()
        return b"".join(found)

    def _begin_line(self, stamp: bytes) -> None:
        self._stamp, self._length, self._hidden = stamp, 0, 0
        self._is_repeated = self._known[stamp] > 0
        if self._is_repeated:
            self._known[stamp] -= 1
        elif stamp and stamp == self._cut[0]:
            self._hidden, self._cut = self._cut[1], (b"", 0)

    def _unhidden(self, piece: bytes) -> bytes:
        hidden = len(piece) if self._is_repeated else max(0, self._hidden - self._length)
        self._length += len(piece)
        return piece[hidden:]

    def _end_line(self) -> None:
        second = _second_of(self._stamp or b"")
        if second is not None and not self._is_repeated:
            if second > self._second:
                self._second, self._seen = second, Counter()
            if second == self._second:
                self._seen[self._stamp or b""] += 1
        self._stamp = None


def _second_of(stamp: bytes) -> int | None:
    """Return the Unix time of a timestamp, in whole seconds; None if it is none."""
    if not _STAMP.fullmatch(stamp):
        return None
    try:
        return int(datetime.fromisoformat(stamp.decode()).timestamp())
    except ValueError:
        return None
