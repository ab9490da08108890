"""Addresses of API servers."""

from ipaddress import ip_address
from urllib.parse import urlsplit


def is_loopback(url: str) -> bool:
    """Return whether the URL's host is this machine's loopback interface.

    Go sends no request for such a host to a proxy, whatever NO_PROXY says:
    https://pkg.go.dev/net/http#ProxyFromEnvironment
    """
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
