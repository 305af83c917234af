"""The checks of a session's constructor parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from yarl import URL

from ..checks import several
from ..masking import mask_url
from ..request.options import header_names, timeout_of
from ..request.proxies import Proxies, proxies_of
from ..request.target import parse_url
from ..timeouts import DEFAULT_TIMEOUT, ClientTimeout
from ..trace.config import TraceConfig, adopted
from ..trace.observer import Observer
from ..version import HttpVersion

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..auth.basic import BasicAuth
    from ..local.propagation import LoosePropagation, Propagation


def session_timeout(timeout: Any, read_timeout: Any, conn_timeout: Any) -> ClientTimeout:
    """``timeout``, or a timeout from the older parameters ``read_timeout`` and ``conn_timeout``."""
    if timeout is not ...:
        if read_timeout is not ... or conn_timeout is not None:
            raise ValueError("timeout cannot be combined with read_timeout and conn_timeout")
        return timeout_of(timeout, DEFAULT_TIMEOUT)
    if read_timeout is ... and conn_timeout is None:
        return DEFAULT_TIMEOUT
    total = DEFAULT_TIMEOUT.total if read_timeout is ... else read_timeout
    return ClientTimeout(total=total, connect=conn_timeout, sock_connect=30)


def session_proxies(
    proxy: Any, proxy_auth: Any, proxy_headers: Any, trust_env: bool, connector: Any
) -> Proxies | None:
    """The proxies of a session; None if its requests use none.

    With a connector for Unix sockets or named pipes, the environment is ignored.
    """
    from ..pool.connector import BaseConnector, pool_of

    local = isinstance(connector, BaseConnector) and not pool_of(connector).uses_proxies
    environment = trust_env and not local
    given = {"proxy": proxy, "proxy_auth": proxy_auth, "proxy_headers": proxy_headers}
    return proxies_of(given, Proxies(environment=True) if environment else None)


def checked_base_url(base_url: Any) -> URL | None:
    """``base_url`` as an absolute URL whose path ends in a slash."""
    if base_url is None:
        return None
    if not isinstance(base_url, str | URL):
        raise TypeError(f"base_url must be str or yarl.URL, not {base_url!r}")
    url = parse_url(base_url)
    if not url.absolute:
        shown = mask_url(url)
        raise ValueError(f"base_url must be absolute, with scheme and host, not {shown!r}")
    if not url.raw_path.endswith("/"):
        raise ValueError(f"base_url must have a path that ends in '/', not {mask_url(url)!r}")
    return url


def checked_auth(auth: Any) -> BasicAuth | None:
    """``auth``, checked."""
    if auth is None:
        return None
    from ..auth.basic import basic_auth

    return basic_auth("auth", auth)


def checked_version(version: Any) -> HttpVersion:
    """``version``: HTTP/1.0 or HTTP/1.1, also as the text "1.0" or "1.1"."""
    if isinstance(version, str):
        version = {"1.0": (1, 0), "1.1": (1, 1)}.get(version, version)
    if version not in ((1, 0), (1, 1)):
        raise ValueError(f"version must be HttpVersion10 or HttpVersion11, not {version!r}")
    return HttpVersion(*version)


def checked_jar(cookie_jar: Any) -> Any:
    """``cookie_jar``: an object with the methods that a session calls, or None."""
    needed = ("filter_cookies", "update_cookies", "update_cookies_from_headers")
    if cookie_jar is not None and not all(hasattr(cookie_jar, name) for name in needed):
        raise TypeError(f"cookie_jar must be an AbstractCookieJar or None, not {cookie_jar!r}")
    return cookie_jar


def checked_header_names(skip_auto_headers: Any) -> Iterable[str]:
    """``skip_auto_headers``, checked."""
    return header_names("skip_auto_headers", skip_auto_headers or ())


def checked_configs(trace_configs: Any) -> list[TraceConfig]:
    """``trace_configs``, checked and frozen."""
    configs = [
        config if isinstance(config, TraceConfig) else adopted(config)
        for config in several("trace_configs", trace_configs or ())
    ]
    for config in configs:
        config.freeze()
    return configs


def checked_observers(observers: Any) -> list[Observer]:
    """``observers``, checked."""
    found: list[Any] = list(several("observers", observers or ()))
    for one in found:
        if not isinstance(one, Observer):
            raise TypeError(f"observers must be httptrace.Observer objects, not {one!r}")
    return found


def propagation_of(propagate: LoosePropagation) -> Propagation | None:
    """``propagate``: the hosts that get the ids of the current context; None for no host."""
    if propagate is None or propagate is False:
        return None
    from ..local.propagation import Propagation

    return Propagation.of(propagate)


def auto_headers(force_close: bool, version: HttpVersion, user_agent: str) -> list[tuple[str, str]]:
    """The automatic headers: a request gets them unless it has them or they are skipped."""
    from ..body.content_coding import available_codings

    headers = [
        ("Accept", "*/*"),
        ("Accept-Encoding", ", ".join(available_codings())),
        ("User-Agent", user_agent),
    ]
    if force_close:
        return [*headers, ("Connection", "close")]
    # HTTP/1.0 closes connections unless asked to keep them (RFC 9112 §C.2.2).
    return [*headers, ("Connection", "keep-alive")] if version < (1, 1) else headers
