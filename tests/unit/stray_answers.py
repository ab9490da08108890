"""Answers that are not the API server's, as proxies, load balancers and sign-in pages give them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Stray(NamedTuple):
    """One such answer."""

    code: int
    body: str
    headers: Mapping[str, str] = MappingProxyType({})


HTML = "<html><body>Not here</body></html>"
OTHER_STATUS = '{"kind": "Status", "status": "Success"}'
OTHER_OBJECT = '{"kind": "ConfigMap", "metadata": {"name": "x", "namespace": "y"}}'

STRAYS = {
    "200 with HTML": Stray(200, HTML),
    "200 and empty": Stray(200, ""),
    "200 with a JSON list": Stray(200, "[]"),
    "200 with no object's JSON": Stray(200, "{}"),
    "200 with another object": Stray(200, OTHER_OBJECT),
    "200 without metadata": Stray(200, '{"kind": "Pod", "metadata": null, "items": 1}'),
    "200 with endless nesting": Stray(200, "[" * 100_000),
    "302 to a sign-in page": Stray(302, "", {"Location": "/elsewhere"}),
    "307 to itself": Stray(307, "", {"Location": "/elsewhere"}),
    "400 with HTML": Stray(400, HTML),
    "403 with HTML": Stray(403, HTML),
    "404 with HTML": Stray(404, HTML),
    "404 in plain text": Stray(404, "404 page not found"),
    "404 with JSON": Stray(404, '{"error": "not found", "kind": "Error"}'),
    "404 with odd JSON": Stray(404, '{"kind": "Status", "details": 1}'),
    "409 with HTML": Stray(409, HTML),
    "410 with HTML": Stray(410, HTML),
    "413 with HTML": Stray(413, HTML),
    "422 and empty": Stray(422, ""),
    "500 in plain text": Stray(500, "This request caused apiserver to panic."),
    "502 and empty": Stray(502, ""),
    "503 with HTML": Stray(503, HTML, {"Retry-After": "soon"}),
}
