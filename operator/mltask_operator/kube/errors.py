"""Errors of requests to the API server.

Only a Status object is the API server's refusal. A proxy or load balancer in between has its own
answers: a 404 with HTML says nothing of the object that was asked for.
"""

import json
import math
from typing import Any

LONGEST_RETRY_AFTER_SECONDS = 60.0
"""The bound for Retry-After, which may hold any number: the longest backoff of the work queue."""
_EXCERPT = 200
"""Characters of a stray answer that its error shows."""


class ApiError(OSError):
    """A request that the API server refused.

    `code` is the HTTP status, `reason` and `message` are those of the Status object that came
    with it (https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/).
    """

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        *,
        causes: tuple[str, ...] = (),
        kind: str = "",
        subject: str = "",
        retry_after: float = 0,
    ) -> None:
        super().__init__(f"the API server answered {code} {reason}: {message}")
        self.code = code
        self.reason = reason
        self.message = message
        self.causes = causes
        """The reasons of the Status object's `details.causes`."""
        self.kind = kind
        """`details.kind`: for NotFound and Conflict the resource, for example pods."""
        self.subject = subject
        """`details.name`: the name of the object that the answer is about."""
        self.retry_after = retry_after
        """The pause in seconds that the API server asks for before the next request."""

    def says_is_gone(self, plural: str, name: str) -> bool:
        """Return whether no object of this resource and name exists.

        A 404 may also be about the namespace or the CRD.
        """
        about = (self.kind, self.subject)
        return (self.code, self.reason) == (404, "NotFound") and about == (plural, name)

    def says_pod_is_gone(self, name: str) -> bool:
        """Return whether the Pod of this name and the uid in the request no longer exists.

        Another Pod may have its name by now. Then a deletion is a conflict, and a patch is an
        invalid change of the uid.
        """
        if self.subject != name:
            return False
        return (
            self.says_is_gone("pods", name)
            or (self.code == 409 and "UID in" in self.message)
            or (self.code == 422 and "metadata.uid" in self.message)
        )


class Unreachable(OSError):
    """The API server gave no answer: not reachable, or not in time."""


class Untrusted(Unreachable):
    """The TLS connection failed, for example since the server's CA has changed."""


class StrayAnswer(Unreachable):
    """An answer that is not the API server's, for example a proxy's: the same as no answer.

    The API server itself sends a few errors as plain text: 429 under load, 404 for an unknown path.
    """

    def __init__(self, code: int, body: str, retry_after: float = 0) -> None:
        """Take the HTTP status, the body and the pause in seconds that the answer asks for."""
        text = " ".join(body.split())[:_EXCERPT] or "an empty body"
        super().__init__(
            f"HTTP {code} is not an answer of the API server, but of a proxy for example: {text}"
        )
        self.code = code
        self.text = text
        self.retry_after = retry_after


class Unreadable(OSError):
    """An object that this version cannot understand."""


def error_from(code: int, body: bytes, retry_after: str = "") -> ApiError | StrayAnswer:
    """Return the error for an answer with this HTTP status; `retry_after` is the header's text."""
    seconds = seconds_from(retry_after)
    try:
        status: dict[str, Any] = json.loads(body)
        if status["kind"] != "Status":
            raise ValueError("another object")
        details = status.get("details") or {}
        return ApiError(
            code,
            _text(status.get("reason")),
            _text(status.get("message")),
            causes=tuple(_text(cause.get("reason")) for cause in details.get("causes") or ()),
            kind=_text(details.get("kind")),
            subject=_text(details.get("name")),
            retry_after=seconds,
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return StrayAnswer(code, body[: 4 * _EXCERPT].decode(errors="replace"), seconds)


def seconds_from(retry_after: str) -> float:
    """Return the seconds of a header Retry-After, between 0 and LONGEST_RETRY_AFTER_SECONDS.

    A date or another text counts as 0: the caller's own backoff applies.
    """
    try:
        seconds = float(retry_after)
    except ValueError:
        return 0
    return 0 if math.isnan(seconds) else min(max(seconds, 0), LONGEST_RETRY_AFTER_SECONDS)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
