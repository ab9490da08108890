"""HTTP requests to programs on this machine, which never go through a proxy."""

import os
from http.client import HTTPResponse
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, Request, build_opener

_OPENER = build_opener(ProxyHandler({}))


def without_proxy(url: str) -> dict[str, str]:
    """Return the variables with which a program sends no request for this URL's host to a proxy."""
    exempt = os.environ.get("no_proxy") or os.environ.get("NO_PROXY", "")
    hosts = ",".join(filter(None, (exempt, urlsplit(url).hostname)))
    return {"NO_PROXY": hosts, "no_proxy": hosts}


def urlopen(url: str | Request, timeout: float) -> HTTPResponse:
    """Open the URL as `urllib.request.urlopen` does, and ignore HTTP_PROXY and its like.

    `timeout` is in seconds. Raise URLError, which is an OSError, where there is no answer.
    """
    response: HTTPResponse = _OPENER.open(url, timeout=timeout)
    return response
