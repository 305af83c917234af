"""The parameters of a request, and what is wrong with them, if anything.

Names, meanings and defaults are those of ``aiohttp.ClientSession.request`` (aiohttp's
documentation, "Client Session"); `observers` is ours.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict, cast

from ..call.settings import Settings
from ..checks import flag, positive, several
from ..headers.limits import HeadLimits
from ..net.tls_parameters import TLS_PARAMETERS, tls_of
from ..timeouts import ClientTimeout
from .proxies import proxies_of

if TYPE_CHECKING:
    import ssl

    from yarl import URL

    from ..auth.basic import BasicAuth
    from ..net.tls import Fingerprint
    from ..response.response import ClientResponse
    from ..trace.config import TraceConfig
    from ..trace.observer import Observer

LooseHeaders = Mapping[str, str] | Iterable[tuple[str, str]]
LooseCookies = Mapping[str, Any] | Iterable[tuple[str, Any]]
Query = str | Mapping[str, Any] | Sequence[tuple[str, Any]] | None
RaiseForStatus = bool | Callable[["ClientResponse"], Awaitable[None]]


class RequestOptions(TypedDict, total=False):
    """What every verb of a session accepts beyond the URL."""

    params: Query
    """What is added to the query: a mapping, pairs, or text that is sent as it stands."""
    data: Any
    """The body: bytes, text, a file, a mapping, pairs, `FormData`, an async iterable, a payload."""
    json: Any
    """What `json_serialize` makes the body of, with its Content-Type; excludes `data`."""
    cookies: LooseCookies | None
    """Cookies for this request beside the jar's."""
    headers: LooseHeaders | None
    """Headers for this request; they replace the session's of the same name."""
    skip_auto_headers: Iterable[str] | None
    """Names of default headers to leave out, beside the session's."""
    auth: BasicAuth | None
    """Basic credentials in place of the session's."""
    allow_redirects: bool
    """Whether redirects are followed: True, and False for HEAD."""
    max_redirects: int
    """How many redirects raise `TooManyRedirects`: 10; 0 for no limit."""
    compress: str | bool | None
    """The content coding to send the body in; True is 'deflate'."""
    chunked: bool | None
    """Whether the body goes in chunks; None leaves it to whether its size is known."""
    expect100: bool
    """Whether the body waits for 100 Continue, for a second at most (RFC 9110 §10.1.1)."""
    raise_for_status: RaiseForStatus | None
    """Whether a status of 400 or above raises, or a coroutine function that decides."""
    read_until_eof: bool
    """Kept for aiohttp's signature: a body without a length lasts until the connection ends."""
    proxy: str | URL | None
    """The proxy to go by: http, https, socks4, socks4a, socks5 or socks5h."""
    proxy_auth: BasicAuth | None
    """Basic credentials for the proxy."""
    proxy_headers: LooseHeaders | None
    """Headers for the proxy alone."""
    timeout: ClientTimeout | float | None
    """The limits; a number is one for the whole request, in seconds; None is for no limit."""
    ssl: ssl.SSLContext | bool | Fingerprint
    """How TLS is made and verified: a context, True for the usual one, False for unverified."""
    verify_ssl: bool | None
    """Deprecated: `ssl=False` says the same as False."""
    fingerprint: bytes | None
    """Deprecated: `ssl=Fingerprint(...)`; the SHA-256 of the server's certificate."""
    ssl_context: ssl.SSLContext | None
    """Deprecated: `ssl=` takes the context."""
    server_hostname: str | None
    """The name to send (SNI) and to verify instead of the URL's host."""
    trace_request_ctx: Any
    """What callbacks of a `TraceConfig` get as `trace_request_ctx` of their context."""
    read_bufsize: int | None
    """Bytes of a body that are read before they are asked for."""
    auto_decompress: bool | None
    """Whether the body is decoded."""
    max_line_size: int | None
    """The most bytes of the status line."""
    max_field_size: int | None
    """The most bytes of one header field."""
    max_headers: int | None
    """The most header fields."""
    middlewares: Sequence[Any] | None
    """Middlewares in place of the session's; an empty sequence for none."""
    upload_tracker: Any
    """An `UploadTracker`, which tells how much of the body is sent."""
    trace_configs: Sequence[TraceConfig]
    """Listeners beside the session's."""
    observers: Sequence[Observer]
    """Observers beside the session's."""


PROXY_PARAMETERS = frozenset({"proxy", "proxy_auth", "proxy_headers"})
KNOWN = frozenset(RequestOptions.__annotations__)
_UNCHECKED = frozenset(
    {"auth", "cookies", "data", "headers", "json", "params", "trace_request_ctx"}
)
"""Parameters that leave the settings alone; they are checked where they are used."""
_NEVER_NONE = frozenset({"allow_redirects", "max_redirects", "server_hostname"})
"""Parameters for which None is not the same as nothing."""
_OF_LIMITS = ("max_line_size", "max_field_size", "max_headers")
_LIMITS = ("total", "connect", "sock_read", "sock_connect")


_ELSEWHERE = {
    "content": "data=",
    "files": "data= with a FormData",
    "follow_redirects": "allow_redirects=",
    "proxies": "proxy=",
    "query": "params=",
    "verify": "ssl=",
}
"""What parameters of other clients are called here."""


def _meant(name: str) -> str:
    from difflib import get_close_matches

    close = [f"{one}=" for one in get_close_matches(name, KNOWN, 1)]
    meant = _ELSEWHERE.get(name) or "".join(close)
    return f": did you mean {meant}?" if meant else ""


def checked(settings: Settings, options: RequestOptions) -> Settings:
    """The settings of one call.

    Raises
    ------
    TypeError, ValueError
        Naming the parameter that cannot be used, and what would be right.
    """
    unknown = options.keys() - KNOWN
    if unknown:
        name = min(unknown)
        raise TypeError(f"request() got an unexpected keyword argument {name!r}{_meant(name)}")
    if _UNCHECKED.issuperset(options):
        return settings
    changes: dict[str, Any] = {}
    for name, value in options.items():
        if name in _SETTINGS and (value is not None or name in _NEVER_NONE):
            changes[name] = _SETTINGS[name](name, value)
        elif name in _SHAPES and value is not None:
            _SHAPES[name](name, value)
    if "timeout" in options:
        times = timing(timeout_of(options["timeout"], settings.timeout))
        changes["timeout"], changes["total_ns"], changes["first_limit_ns"] = times
    if "read_bufsize" in changes:
        changes["pause_above"] = changes["read_bufsize"] * 2
    given = cast("Mapping[str, Any]", options)
    if any(name in options for name in _OF_LIMITS):
        changes["limits"] = limits_of(given, settings.limits)
    if not PROXY_PARAMETERS.isdisjoint(options):
        changes["proxies"] = proxies_of(given, settings.proxies)
    if not TLS_PARAMETERS.isdisjoint(options):
        changes["ssl"] = tls_of(given)
    return settings._replace(**changes)


def timeout_of(value: Any, default: ClientTimeout) -> ClientTimeout:
    """`value` as a ClientTimeout: a number is a total, None means no limit at all."""
    if isinstance(value, ClientTimeout):
        return value
    if value is ...:
        return default
    if all(hasattr(value, name) for name in _LIMITS):  # aiohttp's own, from a program that uses it
        return ClientTimeout(**{name: getattr(value, name) for name in _LIMITS})
    if value is None:
        return ClientTimeout()
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"timeout must be ClientTimeout, seconds or None, not {value!r}")
    return ClientTimeout(total=value)


def timing(timeout: ClientTimeout) -> tuple[ClientTimeout, int, int]:
    """The timeout, its total and the shortest of its limits for the whole call in nanoseconds."""
    total_ns = first_ns = int((timeout.total or 0) * 1e9)
    for limit in (timeout.sock_read, timeout.response_headers):
        if limit:
            limit_ns = int(limit * 1e9)
            first_ns = min(first_ns, limit_ns) if first_ns else limit_ns
    return timeout, total_ns, first_ns


def limits_of(options: Mapping[str, Any], default: HeadLimits) -> HeadLimits:
    """How large heads may be, from ``max_line_size``, ``max_field_size`` and ``max_headers``."""
    values = [options.get(name) for name in _OF_LIMITS]
    if values == [None, None, None]:
        return default
    return HeadLimits.of(
        *(
            kept if value is None else positive(name, value)
            for name, value, kept in zip(_OF_LIMITS, values, default[:3], strict=True)
        )
    )


def header_names(name: str, value: Any) -> Iterable[str]:
    """Names of header fields."""
    names = several(name, value)
    if not all(isinstance(one, str) for one in names):
        raise TypeError(f"{name} must be names of headers, not {value!r}")
    return names


def _coding(name: str, value: Any) -> None:
    if not isinstance(value, bool | str):
        raise TypeError(f"{name} must be the name of a coding, True or False, not {value!r}")


def _redirects(name: str, value: Any) -> int:
    return value if value == 0 and value is not False else positive(name, value)


def status_check(name: str, value: Any) -> RaiseForStatus:
    """``raise_for_status``: a flag, None for False, or a coroutine function of the response."""
    if value is None:
        return False
    if not isinstance(value, bool) and not callable(value):
        raise TypeError(f"{name} must be True, False or a coroutine function, not {value!r}")
    return value  # type: ignore[no-any-return]


def _name_or_none(name: str, value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{name} must be a str or None, not {value!r}")
    return value


_SETTINGS: dict[str, Callable[[str, Any], Any]] = {
    "read_bufsize": positive,
    "auto_decompress": flag,
    "raise_for_status": status_check,
    "allow_redirects": flag,
    "max_redirects": _redirects,
    "server_hostname": _name_or_none,
}
_SHAPES: dict[str, Callable[[str, Any], Any]] = {
    "chunked": flag,
    "compress": _coding,
    "expect100": flag,
    "middlewares": several,
    "observers": several,
    "read_until_eof": flag,
    "skip_auto_headers": header_names,
    "trace_configs": several,
}
