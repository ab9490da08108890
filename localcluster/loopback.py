"""HTTP requests to programs on this machine, which never go through a proxy."""

from http.client import HTTPResponse
from urllib.request import ProxyHandler, Request, build_opener

_OPENER = build_opener(ProxyHandler({}))


def urlopen(url: str | Request, timeout: float) -> HTTPResponse:
    """Open the URL as `urllib.request.urlopen` does, and ignore HTTP_PROXY and its like.

    `timeout` is in seconds. Raise URLError, which is an OSError, where there is no answer.
    """
    response: HTTPResponse = _OPENER.open(url, timeout=timeout)
    return response
