"""Candidates for a Lease as a system of small steps, which a test can take in any order.

A step is a fate of a candidate's request or of its answer, the arrival of a late request, or a
second that passes. A candidate that takes no step while seconds pass is paused or dead. A try
begins with a GET, which is served in the same step: until then nothing depends on it.
"""

import types
from collections.abc import Coroutine, Generator
from typing import Any, NamedTuple, cast

from mltask_operator.kube.api import Api
from mltask_operator.kube.errors import ApiError, Unreachable
from mltask_operator.kube.lease import Lease
from tests.unit.leases import LeaseServer

Json = dict[str, Any]
Request = tuple[str, str, Json | None]

ACQUIRE, RELEASE = "acquires or renews", "releases"
SERVED, REQUEST_LOST, LATE = "request served", "request lost", "request late"
ANSWERED, ANSWER_LOST = "answer arrives", "answer lost"


class Step(NamedTuple):
    """What happens next, and to which candidate; -1 where it is to none."""

    what: str
    candidate: int = -1


SECOND = Step("a second passes")
ARRIVAL = Step("a late request arrives")


class Network:
    """Suspends each request until a step says what becomes of it."""

    @types.coroutine
    def request(
        self, method: str, path: str, body: Json | None = None
    ) -> Generator[Request, Json, Json]:
        return (yield method, path, body)


class Replica:
    """A candidate, and its request in progress."""

    def __init__(self, world: "World", number: int, seconds: int) -> None:
        self._world = world
        offset = 1000.0 * number  # Clocks of different machines have nothing in common.
        api = cast(Api, Network())
        name = "abc"[number]
        self.lease = Lease(api, "system", "operator", name, seconds, lambda: world.now + offset)
        self._running: Coroutine[Request, Json, object] | None = None
        self.request: Request | None = None
        self.answer: Json | OSError | None = None
        """The answer that is on its way to the candidate."""
        self.sent_at = 0

    def begin(self, *, is_release: bool) -> None:
        """Begin to acquire or renew the Lease, or to release it."""
        self._running = cast(
            Coroutine[Request, Json, object],
            self.lease.release() if is_release else self.lease.acquire(),
        )
        self._go_on(None)

    def receive(self, answer: Json | OSError) -> None:
        """Go on with this answer until the next request or the end."""
        self.request = self.answer = None
        self._go_on(answer)

    def close(self) -> None:
        """Drop what is in progress."""
        if self._running:
            self._running.close()

    def _go_on(self, answer: Json | OSError | None) -> None:
        assert self._running is not None
        try:
            if isinstance(answer, OSError):
                self.request = self._running.throw(answer)
            else:
                self.request = self._running.send(cast(Json, answer))
            self.sent_at = self._world.now
        except (StopIteration, OSError):
            self._running = None

    def state(self) -> object:
        """Return what decides about the future, with times relative to now."""
        version = self._world.version
        fields = vars(self.lease)
        seen, longest = fields["_seen"], self._world.longest + 1
        now = fields["_clock"]()
        method, _, body = self.request or ("", "", None)
        return (
            method,
            None if self.answer is None else _answered(self.answer, version),
            self.request and min(self._world.now - self.sent_at, longest),
            _about(body, version),
            min(now - fields["_renewed_at"], longest),
            seen and (seen.holder, seen.seconds, seen.version == version),
            min(now - fields["_seen_since"], longest),
        )


class World:
    """The API server and some candidates whose holds last these seconds."""

    def __init__(self, durations: tuple[int, ...]) -> None:
        self.now = 0
        self.longest = max(durations)
        self._server = LeaseServer()
        self.replicas = [Replica(self, n, seconds) for n, seconds in enumerate(durations)]
        self._late: list[Request] = []

    @property
    def version(self) -> str:
        """The resourceVersion of the Lease; empty where there is none."""
        lease = self._server.lease
        return str(lease["metadata"]["resourceVersion"]) if lease else ""

    def writers(self) -> list[int]:
        """Return the candidates that may write to other objects now."""
        return [n for n, each in enumerate(self.replicas) if each.lease.is_held()]

    def steps(self) -> list[Step]:
        """Return all that may happen next."""
        found = [SECOND, *([ARRIVAL] if self._late else [])]
        for n, replica in enumerate(self.replicas):
            if replica.request is None:
                fates = [ACQUIRE, RELEASE]
            elif replica.answer is not None:
                fates = [ANSWERED, ANSWER_LOST]
            else:
                fates = [SERVED, REQUEST_LOST, *([] if self._late else [LATE])]
            found += [Step(fate, n) for fate in fates]
        return found

    def take(self, step: Step) -> None:
        """Let this happen."""
        if step == SECOND:
            self.now += 1
        elif step == ARRIVAL:
            self._answer(self._late.pop())
        else:
            self._take(step.what, self.replicas[step.candidate])

    def _take(self, what: str, replica: Replica) -> None:
        if what in (ACQUIRE, RELEASE):
            replica.begin(is_release=what == RELEASE)
        assert replica.request is not None
        if what in (ACQUIRE, RELEASE, SERVED):
            replica.answer = self._answer(replica.request)
        elif what == ANSWERED:
            assert replica.answer is not None
            replica.receive(replica.answer)
        else:
            if what == LATE:
                self._late.append(replica.request)
            replica.receive(Unreachable("no answer"))

    def try_to_acquire(self, candidate: int) -> None:
        """Take the candidate's steps to the end of its try; all requests are answered."""
        replica = self.replicas[candidate]
        if replica.request is None:
            self.take(Step(ACQUIRE, candidate))
        while replica.request is not None:
            self.take(Step(SERVED if replica.answer is None else ANSWERED, candidate))

    def close(self) -> None:
        """Drop what is in progress."""
        for replica in self.replicas:
            replica.close()

    def state(self) -> object:
        """Return what decides about the future. Two worlds with the same state behave alike."""
        lease = self._server.lease
        late = [(method, _about(body, self.version)) for method, _, body in self._late]
        parts = (_about(lease, self.version), late, *(each.state() for each in self.replicas))
        return repr(parts)

    def _answer(self, request: Request) -> Json | OSError:
        answering = self._server.request(*request)
        try:
            answering.send(None)
        except StopIteration as done:
            answer: Json = done.value
            return answer
        except ApiError as refusal:
            return refusal
        raise AssertionError("the server in memory answers at once")


def _about(body: Json | None, version: str) -> object:
    if body is None:
        return None
    spec = body["spec"]
    is_current = body["metadata"].get("resourceVersion") == version
    return spec["holderIdentity"], spec["leaseDurationSeconds"], is_current


def _answered(answer: Json | OSError, version: str) -> object:
    return str(answer) if isinstance(answer, OSError) else _about(answer, version)
