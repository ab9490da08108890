"""HTTP requests to the API server: JSON in, JSON out.

They bypass the official client, whose typed methods parse each Pod into models. That costs more
than all other work on the Pod.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Self, TypeVar
from urllib.parse import urlencode

import aiohttp
from yarl import URL

from mltask_operator import __version__
from mltask_operator.access.credentials import Access, Credentials, NoCredentials
from mltask_operator.access.tls import reason
from mltask_operator.kube.answers import NOT_AS_EXPECTED, expect, parsed, version_of_list
from mltask_operator.kube.errors import (
    ApiError,
    StrayAnswer,
    Unreachable,
    Untrusted,
    error_from,
)
from mltask_operator.kube.jsonlist import ListReader
from mltask_operator.kube.slim import slimmer_for

Json = dict[str, Any]
T = TypeVar("T")
Read = Callable[[aiohttp.StreamReader], Awaitable[bytes]]

USER_AGENT = f"mltask-operator/{__version__}"
PAGE_BYTES = 8 * 2**20
"""What a page of a listing should have at most, by the size of the objects in the page before."""
FIRST_PAGE, LARGEST_PAGE = 100, 500
"""Objects of the first page, when no size is known, and of any page."""
JSON = "application/json"


@dataclass(frozen=True)
class Patience:
    """How long requests may take, and how often and when reads are retried; times in seconds."""

    request_timeout: float = 30.0
    retries: int = 3
    retry_pause: float = 1.0


class Requests:
    """The API server. Each method raises ApiError for a refusal, Unreachable for no answer.

    What is not the API server's answer is no answer: a redirect, or the error page of a proxy.
    """

    def __init__(
        self,
        credentials: Credentials,
        before_write: Callable[[], None] | None = None,
        after_request: Callable[[str, int | None, float], None] | None = None,
        patience: Patience = Patience(),
    ) -> None:
        """Use these credentials. `before_write` runs before each write and may raise to forbid it.

        `after_request` receives the method, the status code (None without an answer) and the
        duration in seconds of each request.
        """
        self._credentials = credentials
        self._before_write = before_write
        self._after_request = after_request
        self._patience = patience
        self._session = credentials.session()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def list(
        self,
        path: str,
        take: Callable[[Json], object],
        label_selector: str = "",
        field_selector: str = "",
    ) -> int:
        """Hand each object of a collection to `take`, slim; return the list's resourceVersion.

        The list is of one moment and read from a quorum of etcd. After a failed request, a page
        begins again, and its first objects are handed over twice.
        """
        selectors = {"labelSelector": label_selector, "fieldSelector": field_selector}
        query: dict[str, str | int] = {"limit": FIRST_PAGE}
        query |= {name: text for name, text in selectors.items() if text}
        slimmed = slimmer_for(path)
        while True:
            reader = ListReader(lambda item, length: take(slimmed(item, length)))
            page = await self._page(f"{path}?{urlencode(query)}", reader)
            if not (following := page["metadata"].get("continue")):
                return version_of_list(page)
            fitting = PAGE_BYTES * reader.count // max(1, reader.length)
            query |= {"limit": max(1, min(fitting, LARGEST_PAGE)), "continue": following}

    async def _page(self, path: str, reader: ListReader) -> Json:
        async def ask() -> Json:
            try:
                page = parsed(await self.answer("GET", path, read=reader.read))
                version_of_list(page)
            except NOT_AS_EXPECTED as error:
                raise StrayAnswer(200, f"no list ({error})") from error
            return page

        return await self._patiently(ask)

    async def ask(self, method: str, path: str, kind: str, body: Json | None = None) -> Json:
        """Send a request that changes nothing, and return the object of this kind.

        Retry after 429, a server error or no answer.
        """

        async def ask() -> Json:
            return expect(await self.request(method, path, body), kind)

        return await self._patiently(ask)

    async def _patiently(self, request: Callable[[], Awaitable[T]]) -> T:
        left = self._patience.retries
        while True:
            try:
                return await request()
            except ApiError as error:
                if error.code != 429 and error.code < 500:
                    raise
                fault: OSError = error
                asked = error.retry_after
            except Unreachable as error:
                fault = error
                asked = error.retry_after if isinstance(error, StrayAnswer) else 0
            # Pause before the last error is raised too, because the caller may retry immediately.
            await asyncio.sleep(max(self._patience.retry_pause, asked))
            if not left:
                raise fault
            left -= 1

    async def request(
        self,
        method: str,
        path: str,
        body: Json | str | None = None,
        content_type: str = JSON,
        seconds: float | None = None,
    ) -> Json:
        """Send one request and return the object that came back.

        A `body` that is text is JSON already. `seconds` is how long the answer may take.
        """
        return parsed(await self.answer(method, path, body, content_type, seconds))

    async def answer(
        self,
        method: str,
        path: str,
        body: Json | str | None = None,
        content_type: str = JSON,
        seconds: float | None = None,
        read: Read = aiohttp.StreamReader.read,
    ) -> bytes:
        """Send one request and return the answer, of which `read` may leave something out."""
        data = json.dumps(body) if isinstance(body, dict) else body
        del body
        used = self._credentials.current
        try:
            response, answer = await self.send(method, path, data, content_type, seconds, read)
            is_refused = response.status == 401
        except Untrusted:
            is_refused = True
        if is_refused:
            await self._renew(used)
            response, answer = await self.send(method, path, data, content_type, seconds, read)
        if response.status >= 300:
            pause = response.headers.get("Retry-After", "")
            raise error_from(response.status, answer, pause)
        return answer

    async def send(
        self,
        method: str,
        path: str,
        data: str | None,
        content_type: str,
        seconds: float | None = None,
        read: Read = aiohttp.StreamReader.read,
    ) -> tuple[aiohttp.ClientResponse, bytes]:
        """Send one request as it is; return the response, whatever its status, and its body."""
        access = self._credentials.current
        if self._before_write and method != "GET":
            self._before_write()
        began, code = time.perf_counter(), None
        try:
            async with self._session.request(
                method,
                # The path is as it was built: nothing in it is to be resolved or quoted again.
                URL(access.host + path, encoded=True),
                data=data,
                headers={"Content-Type": content_type, "User-Agent": USER_AGENT},
                **access.options,
                timeout=aiohttp.ClientTimeout(seconds or self._patience.request_timeout),
            ) as response:
                is_fine = response.status < 300
                answer = await (read(response.content) if is_fine else response.read())
                code = response.status
                return response, answer
        except aiohttp.ClientSSLError as error:
            raise Untrusted(
                f"no secure connection to the API server {access.host}: {reason(error)}"
            ) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unreachable(
                f"the API server {access.host} gave no answer: {reason(error)}"
            ) from error
        finally:
            if self._after_request:
                self._after_request(method, code, time.perf_counter() - began)

    async def _renew(self, refused: Access) -> None:
        """Have these credentials renewed. Raise Unreachable if that fails or takes too long."""
        try:
            async with asyncio.timeout(self._patience.request_timeout):
                await self._credentials.renew(refused)
        except (NoCredentials, TimeoutError) as error:
            why = str(error) or "that takes longer than a request may"
            raise Unreachable(
                f"the API server {refused.host} rejects the credentials, and they cannot be "
                f"renewed: {why}"
            ) from error
