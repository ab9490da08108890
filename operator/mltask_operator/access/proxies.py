"""Proxies: the one that the environment names for an API server, by the rules of Go.

kubectl follows https://pkg.go.dev/golang.org/x/net/http/httpproxy#FromEnvironment. Python's own
look-up knows no CIDR blocks in NO_PROXY, and aiohttp's takes a thread for each request.
"""

from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit
from urllib.request import getproxies


def proxy_for(url: str) -> str | None:
    """Return the URL of the proxy for requests to this URL, or None if they go there directly."""
    target = urlsplit(url)
    host = target.hostname or ""
    proxies = getproxies()
    proxy = proxies.get(target.scheme)
    if not proxy or _is_loopback(host) or _is_exempt(host, target.port, proxies.get("no", "")):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _is_exempt(host: str, port: int | None, exempt: str) -> bool:
    """Return whether NO_PROXY names the host: by name, parent domain, address or CIDR block."""
    return any(_matches(entry.strip().lower(), host, port) for entry in exempt.split(","))


def _matches(entry: str, host: str, port: int | None) -> bool:
    if not entry:
        return False
    if entry == "*":
        return True
    try:
        return ip_address(host) in ip_network(entry.strip("[]"), strict=False)
    except ValueError:  # a name instead of an address, or an entry with a port
        name, colon, only = entry.rpartition(":")
        if colon and only.isdecimal():
            return int(only) == port and _matches(name, host, port)
    if entry.startswith((".", "*.")):
        return host.endswith(entry.removeprefix("*"))
    return host == entry or host.endswith(f".{entry}")


def _is_loopback(host: str) -> bool:
    """Return whether the host is this machine. Go never uses a proxy for it."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
