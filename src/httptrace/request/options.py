"""The parameters of a request, and their checks.

Names, meanings and defaults are those of ``aiohttp.ClientSession.request`` (aiohttp's
documentation, "Client Session"); `observers` and `trace_configs` are additions.
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
    """The keyword arguments of `ClientSession.request`, `get`, `post` and the other verbs."""

    params: Query
    """Appended to the query: a mapping, pairs, or text that is sent as it is."""
    data: Any
    """The body: bytes, text, a file, a mapping, pairs, `FormData`, an async iterable, a payload."""
    json: Any
    """A value to send as JSON, made by the session's `json_serialize`; excludes `data`."""
    cookies: LooseCookies | None
    """Cookies for this request, in addition to the jar's."""
    headers: LooseHeaders | None
    """Headers for this request; they replace the session's of the same name."""
    skip_auto_headers: Iterable[str] | None
    """Names of automatic headers to leave out, in addition to the session's."""
    auth: BasicAuth | None
    """Basic credentials in place of the session's."""
    allow_redirects: bool
    """Whether redirects are followed: True, and False for HEAD."""
    max_redirects: int
    """The number of the redirect that raises `TooManyRedirects`: 10; 0 for no limit."""
    compress: str | bool | None
    """The content coding to send the body in; True is 'deflate'."""
    chunked: bool | None
    """Whether the body is sent in chunks; None: only if its size is not known."""
    expect100: bool
    """Whether to wait for 100 Continue before the body, for at most a second (RFC 9110 §10.1.1)."""
    raise_for_status: RaiseForStatus | None
    """Whether a status of 400 or above raises, or a coroutine function that gets the response."""
    read_until_eof: bool
    """Ignored, for aiohttp's signature: a body without a length ends with its connection."""
    proxy: str | URL | None
    """The URL of a proxy: http, https, socks4, socks4a, socks5 or socks5h."""
    proxy_auth: BasicAuth | None
    """Basic credentials for the proxy."""
    proxy_headers: LooseHeaders | None
    """Headers that only the proxy gets."""
    timeout: ClientTimeout | float | None
    """Time limits; a number is a limit for the whole request, in seconds; None means no limit."""
    ssl: ssl.SSLContext | bool | Fingerprint
    """A context, True for the default one, False for no verification, or a `Fingerprint`."""
    verify_ssl: bool | None
    """Deprecated: use `ssl=False` instead of False."""
    fingerprint: bytes | None
    """Deprecated: use `ssl=Fingerprint(...)`. The SHA-256 digest of the server's certificate."""
    ssl_context: ssl.SSLContext | None
    """Deprecated: use `ssl=`."""
    server_hostname: str | None
    """The host name for SNI and for verifying the certificate, instead of the URL's host."""
    trace_request_ctx: Any
    """Any object; `TraceConfig` callbacks find it in their context as `trace_request_ctx`."""
    read_bufsize: int | None
    """How many bytes of the body are buffered before reading from the socket pauses."""
    auto_decompress: bool | None
    """Whether the body is decoded as its Content-Encoding says."""
    max_line_size: int | None
    """The maximum size of the status line, in bytes."""
    max_field_size: int | None
    """The maximum size of one header field, in bytes."""
    max_headers: int | None
    """The maximum number of header fields."""
    middlewares: Sequence[Any] | None
    """Middlewares in place of the session's; an empty sequence for none."""
    upload_tracker: Any
    """An `UploadTracker`, which counts the bytes of the body as they are sent."""
    trace_configs: Sequence[TraceConfig]
    """`TraceConfig` objects for this request, in addition to the session's."""
    observers: Sequence[Observer]
    """`Observer` objects for this request, in addition to the session's."""


PROXY_PARAMETERS = frozenset({"proxy", "proxy_auth", "proxy_headers"})
KNOWN = frozenset(RequestOptions.__annotations__)
_UNCHECKED = frozenset(
    {"auth", "cookies", "data", "headers", "json", "params", "trace_request_ctx"}
)
"""Parameters that are not settings; they are checked where they are used."""
_NEVER_NONE = frozenset({"allow_redirects", "max_redirects", "server_hostname"})
"""Parameters for which None is a value: it does not mean the session's."""
_HEAD_LIMITS = ("max_line_size", "max_field_size", "max_headers")
_TIME_LIMITS = ("total", "connect", "sock_read", "sock_connect")
_OTHER_CLIENTS = {
    "content": "data=",
    "files": "data= with a FormData",
    "follow_redirects": "allow_redirects=",
    "proxies": "proxy=",
    "query": "params=",
    "verify": "ssl=",
}
"""Parameter names of other HTTP clients, and the parameter to use here."""


def _suggestion(name: str) -> str:
    from difflib import get_close_matches

    close = [f"{one}=" for one in get_close_matches(name, KNOWN, 1)]
    meant = _OTHER_CLIENTS.get(name) or "".join(close)
    return f": did you mean {meant}?" if meant else ""


def checked_settings(settings: Settings, options: RequestOptions) -> Settings:
    """The session's settings, with those of the request in their place.

    Raises
    ------
    TypeError, ValueError
        If a parameter is unknown or has a value that cannot be used; the text names it.
    """
    unknown = options.keys() - KNOWN
    if unknown:
        name = min(unknown)
        raise TypeError(f"request() got an unexpected keyword argument {name!r}{_suggestion(name)}")
    if _UNCHECKED.issuperset(options):
        return settings
    changes: dict[str, Any] = {}
    for name, value in options.items():
        if name in _SETTING_CHECKS and (value is not None or name in _NEVER_NONE):
            changes[name] = _SETTING_CHECKS[name](name, value)
        elif name in _OTHER_CHECKS and value is not None:
            _OTHER_CHECKS[name](name, value)
    if "timeout" in options:
        times = timeout_settings(timeout_of(options["timeout"], settings.timeout))
        changes["timeout"], changes["total_ns"], changes["first_limit_ns"] = times
    if "read_bufsize" in changes:
        changes["pause_above"] = changes["read_bufsize"] * 2
    given = cast("Mapping[str, Any]", options)
    if any(name in options for name in _HEAD_LIMITS):
        changes["limits"] = limits_of(given, settings.limits)
    if not PROXY_PARAMETERS.isdisjoint(options):
        changes["proxies"] = proxies_of(given, settings.proxies)
    if not TLS_PARAMETERS.isdisjoint(options):
        changes["ssl"] = tls_of(given)
    return settings._replace(**changes)


def timeout_of(value: Any, default: ClientTimeout) -> ClientTimeout:
    """`value` as a `ClientTimeout`: a number is the total limit, None means no limit."""
    if isinstance(value, ClientTimeout):
        return value
    if value is ...:
        return default
    if all(hasattr(value, name) for name in _TIME_LIMITS):  # an aiohttp.ClientTimeout
        return ClientTimeout(**{name: getattr(value, name) for name in _TIME_LIMITS})
    if value is None:
        return ClientTimeout()
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"timeout must be ClientTimeout, seconds or None, not {value!r}")
    return ClientTimeout(total=value)


def timeout_settings(timeout: ClientTimeout) -> tuple[ClientTimeout, int, int]:
    """The first three fields of `Settings`: times are in nanoseconds."""
    total_ns = first_ns = int((timeout.total or 0) * 1e9)
    for limit in (timeout.sock_read, timeout.response_headers):
        if limit:
            limit_ns = int(limit * 1e9)
            first_ns = min(first_ns, limit_ns) if first_ns else limit_ns
    return timeout, total_ns, first_ns


def limits_of(options: Mapping[str, Any], default: HeadLimits) -> HeadLimits:
    """The limits that ``max_line_size``, ``max_field_size`` and ``max_headers`` set."""
    values = [options.get(name) for name in _HEAD_LIMITS]
    if values == [None, None, None]:
        return default
    return HeadLimits.of(
        *(
            kept if value is None else positive(name, value)
            for name, value, kept in zip(_HEAD_LIMITS, values, default[:3], strict=True)
        )
    )


def header_names(name: str, value: Any) -> Iterable[str]:
    """Names of header fields, checked."""
    names = several(name, value)
    if not all(isinstance(one, str) for one in names):
        raise TypeError(f"{name} must be an iterable of header names, not {value!r}")
    return names


def _coding(name: str, value: Any) -> None:
    if not isinstance(value, bool | str):
        raise TypeError(f"{name} must be the name of a coding, True or False, not {value!r}")


def _redirects(name: str, value: Any) -> int:
    return value if value == 0 and value is not False else positive(name, value)


def status_check(name: str, value: Any) -> RaiseForStatus:
    """``raise_for_status``, checked; None means False."""
    if value is None:
        return False
    if not isinstance(value, bool) and not callable(value):
        raise TypeError(f"{name} must be True, False or a coroutine function, not {value!r}")
    return value  # type: ignore[no-any-return]


def _name_or_none(name: str, value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{name} must be a str or None, not {value!r}")
    return value


_SETTING_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "read_bufsize": positive,
    "auto_decompress": flag,
    "raise_for_status": status_check,
    "allow_redirects": flag,
    "max_redirects": _redirects,
    "server_hostname": _name_or_none,
}
_OTHER_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "chunked": flag,
    "compress": _coding,
    "expect100": flag,
    "middlewares": several,
    "observers": several,
    "read_until_eof": flag,
    "skip_auto_headers": header_names,
    "trace_configs": several,
}
