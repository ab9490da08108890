"""The proxy for an API server, by the rules of Go."""

import pytest

from mltask_operator.access.proxies import proxy_for

PROXY = "http://proxy:3128"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment with a proxy for https alone."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "REQUEST_METHOD"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("HTTPS_PROXY", PROXY)


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("https://10.0.0.1:6443", PROXY),
        ("http://10.0.0.1:6443", None),
        ("https://127.0.0.1:6443", None),
        ("https://[::1]:6443", None),
        ("https://localhost:6443", None),
    ],
)
def test_the_scheme_decides_and_loopback_addresses_need_none(url: str, proxy: str | None) -> None:
    assert proxy_for(url) == proxy


def test_a_proxy_without_a_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "proxy:3128")
    assert proxy_for("https://api.example") == PROXY


@pytest.mark.parametrize(
    ("exempt", "url", "is_exempt"),
    [
        ("10.0.0.0/8", "https://10.1.2.3:6443", True),
        ("192.168.0.0/16, 10.0.0.0/8", "https://10.1.2.3", True),
        ("10.0.0.0/8", "https://11.1.2.3", False),
        ("10.0.0.0/8", "https://api.example", False),
        ("fd00::/8", "https://[fd00::1]:6443", True),
        ("10.1.2.3", "https://10.1.2.3:6443", True),
        ("10.1.2.3:6443", "https://10.1.2.3:6443", True),
        ("10.1.2.3:443", "https://10.1.2.3:6443", False),
        ("api.example", "https://api.example:6443", True),
        ("example", "https://api.example", True),
        (".example", "https://API.example", True),
        ("*.example", "https://api.example", True),
        (".example", "https://example", False),
        ("ample", "https://api.example", False),
        ("*", "https://api.example", True),
        (",, /, 10.0.0.0/99", "https://api.example", False),
    ],
)
def test_no_proxy(
    monkeypatch: pytest.MonkeyPatch, exempt: str, url: str, *, is_exempt: bool
) -> None:
    monkeypatch.setenv("NO_PROXY", exempt)
    assert proxy_for(url) == (None if is_exempt else PROXY)
