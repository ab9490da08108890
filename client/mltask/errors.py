"""Errors of the client: each says what is wrong, where, and what to do about it."""

import json
from typing import Any

from mltask_operator.api.v1alpha1 import MLTask
from mltask_operator.escaping import one_line

MAX_TEXT = 300
"""Bytes of an answer that is not a Kubernetes object, in a message."""


class MLTaskError(Exception):
    """Any error of this package."""


class NoCredentials(MLTaskError):
    """No kubeconfig or service account could be used."""


class Unreachable(MLTaskError):
    """The API server gave no answer."""

    def __init__(self, server: str, why: str) -> None:
        super().__init__(
            f"the API server {server} gave no answer: {why}. Check that it runs, and that the "
            "context of your kubeconfig is the right one"
        )


class Unreadable(MLTaskError):
    """The answer is not what a Kubernetes API server sends."""

    def __init__(self, server: str, text: str) -> None:
        shown = one_line(" ".join(text[:1000].split()), MAX_TEXT) or "nothing"
        super().__init__(
            f"the API server {server} sent something else than a Kubernetes object: {shown}. Check "
            "that your kubeconfig names an API server, and that no proxy or login page answers"
        )


class ClientClosed(MLTaskError):
    """The client was closed before or during the call."""

    def __init__(self) -> None:
        super().__init__("the client is closed: create another one, or use it inside `with`")


class Refused(MLTaskError):
    """The API server refused a request: `code` is the HTTP status, the texts are the server's.

    `retry_after` is for how many seconds it asks not to be asked again.
    """

    def __init__(self, code: int, reason: str, message: str, retry_after: float = 0) -> None:
        advice = _advice(code, reason, message)
        super().__init__(f"{message.rstrip('.')}. {advice}" if advice else message)
        self.code = code
        self.reason = reason
        self.message = message
        self.retry_after = retry_after

    @classmethod
    def from_answer(cls, code: int, body: bytes, retry_after: str = "") -> "Refused":
        """Return the error of an answer; a body that is no Status object becomes its message.

        `retry_after` is the header Retry-After. It may hold a date, which no API server sends.
        """
        # More digits than these are no time that anybody waits.
        seconds = float(retry_after) if retry_after.isdecimal() and len(retry_after) < 10 else 0.0
        try:
            status: dict[str, Any] = json.loads(body)
            reason, message = status.get("reason") or "", status.get("message") or f"HTTP {code}"
        except (ValueError, AttributeError):
            text = " ".join(body[:1000].decode(errors="replace").split())
            reason, message = "", one_line(text, MAX_TEXT) or f"HTTP {code}"
        return cls(code, reason, message, seconds)


def _advice(code: int, reason: str, message: str) -> str:
    """Return what to do after this refusal; nothing where the API server's message says it."""
    if code == 401:
        return "The credentials of your kubeconfig's context are not accepted: log in again"
    if code == 403 and "cannot" in message:
        return "Ask an administrator of the cluster for this right, or choose another namespace"
    if code == 404 and "requested resource" in message:
        return (
            "The resource MLTask is not installed: install the Helm chart mltask-operator, or "
            "`kubectl apply -f crds/mltasks.yaml`"
        )
    if code == 404:
        return "`kubectl get mltasks` shows those that are there; --namespace chooses another place"
    if reason == "AlreadyExists":
        return "Choose another name, or delete that one: its record goes with it"
    if code == 429 or code >= 500:
        return "Try again in a moment"
    return ""


class TaskFailed(MLTaskError):
    """The MLTask has Failed. `task` is all of it; the rest is its evidence, from status."""

    def __init__(self, task: MLTask) -> None:
        status = task.status
        self.task = task
        self.reason = status.reason or ""
        self.exit_code = status.exit_code
        self.message = status.message or ""
        self.log_tail = status.log_tail or ""
        text = f"MLTask {where(task)} has failed: {self.reason}: {self.message}"
        if self.log_tail:
            text += f"\nThe end of its log:\n{self.log_tail.rstrip()}"
        super().__init__(text)


class NotFinished(MLTaskError, TimeoutError):
    """The MLTask was not finished in time. It goes on; `task` is its last state."""

    def __init__(self, task: MLTask, seconds: float) -> None:
        status = task.status
        why = f"{status.phase}" + (f", {status.reason}" if status.reason else "")
        more = f": {status.message}" if status.message else ""
        super().__init__(
            f"MLTask {where(task)} is not finished after {seconds:g} s ({why}{more}). It goes on: "
            "wait again, or cancel it"
        )
        self.task = task


class TaskGone(MLTaskError):
    """The MLTask that was waited for exists no more: somebody deleted it, or its TTL did."""

    def __init__(self, namespace: str, name: str) -> None:
        super().__init__(
            f"MLTask {namespace}/{name} was deleted before its end was seen; its outcome is not "
            "known. A ttlSecondsAfterFinished of 0 does that too"
        )


class AlreadyFinished(MLTaskError):
    """The MLTask that was to be cancelled has its outcome already."""

    def __init__(self, task: MLTask) -> None:
        super().__init__(
            f"MLTask {where(task)} has {task.status.phase} already: there is nothing to cancel. "
            "To remove its record, use `kubectl delete mltask`"
        )
        self.task = task


class StillOpen(MLTaskError):
    """The MLTask that was to be done again has no outcome yet."""

    def __init__(self, task: MLTask) -> None:
        super().__init__(
            f"MLTask {where(task)} is {task.status.phase} and may still succeed: wait for its end, "
            "or cancel it, before you do it again"
        )
        self.task = task


def where(task: MLTask) -> str:
    """Return namespace and name of a task that the API server knows."""
    return f"{task.metadata.namespace}/{task.metadata.name}"
