"""Errors of requests to the API server."""

import json
from typing import Any


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
        subject: str = "",
        retry_after: float = 0,
    ) -> None:
        super().__init__(f"the API server answered {code} {reason}: {message}")
        self.code = code
        self.reason = reason
        self.message = message
        self.causes = causes
        """The reasons of the Status object's `details.causes`."""
        self.subject = subject
        """The name in the Status object's details: of the object that the answer is about."""
        self.retry_after = retry_after
        """For how many seconds the API server asks not to be asked again."""

    @property
    def says_pod_is_gone(self) -> bool:
        """Whether a Pod of the asked name and uid exists no more; the name may be another's by now.

        A deletion whose uid does not match is a conflict, a patch is an invalid change of the uid.
        """
        return (
            self.code == 404
            or (self.code == 409 and "UID in" in self.message)
            or (self.code == 422 and "metadata.uid" in self.message)
        )

    @classmethod
    def from_response(cls, code: int, body: bytes, retry_after: str = "") -> "ApiError":
        """Make the error of an answer; a body that is no Status object becomes its message.

        `retry_after` is the header Retry-After. It may also hold a date, which no API server sends.
        """
        seconds = float(retry_after) if retry_after.isdecimal() else 0
        try:
            status: dict[str, Any] = json.loads(body)
            details = status.get("details") or {}
            return cls(
                code,
                status.get("reason") or "",
                status.get("message") or "",
                causes=tuple(cause.get("reason") or "" for cause in details.get("causes") or ()),
                subject=details.get("name") or "",
                retry_after=seconds,
            )
        except (ValueError, AttributeError):
            return cls(code, "", body[:300].decode(errors="replace"), retry_after=seconds)


class Unreachable(OSError):
    """The API server gave no answer: not reachable, or not in time."""


class Untrusted(Unreachable):
    """The TLS connection failed, for example since the server's CA has changed."""


class Unreadable(OSError):
    """An answer, or an object in it, that is not what was asked for or can't be understood."""
