"""The fast path of preparing a request: its head is joined from header lines that are kept.

`prepare` tries this path for the first hop of a request that goes directly to a URL without
credentials in it, with default TLS settings. The path takes requests that have no body, or text,
bytes or JSON, and no header field that changes how they are sent; `prepare_fast` returns False for
all others, which then take the general path of `request.prepare`. The `Target` keeps, as text, the
header lines that all requests to its URL share, and the whole heads of requests that add nothing to
them; `Call.headers` is made from the head when somebody reads it. Joining text is what makes the
first hop fast. Later hops, middlewares and listeners work on the multidict, so both paths are
needed. A property test (``tests/request/test_fast_path.py``) holds that both make the same request,
or both refuse it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..auth.basic import basic_auth
from ..headers.head import field_line
from ..headers.mime import OCTET_STREAM
from ..net.tls_parameters import TLS_PARAMETERS
from .body import NO_BODY_EXPECTED, TYPE_EXPECTED, encode_data, set_bytes
from .fields import TWO_CREDENTIALS, cookie_header, session_headers
from .options import KNOWN, PROXY_PARAMETERS
from .target import target_with_params

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..call.call import Call
    from ..call.core import SessionCore
    from ..call.target import Target
    from .options import RequestOptions

_FAST_PARAMETERS = KNOWN - {
    *TLS_PARAMETERS,
    *PROXY_PARAMETERS,
    *("chunked", "compress", "expect100"),
    *("server_hostname", "skip_auto_headers", "upload_tracker"),
}
"""Parameters that this path handles, or that do not change the head and the body."""
_CREDENTIALS = frozenset({"auth", "cookies"})
_SPECIAL_FIELDS = frozenset(
    {"connection", "content-length", "cookie", "expect", "transfer-encoding", "upgrade"}
)
"""Fields that change how the request is sent: they need the general path."""


def prepare_fast(call: Call[Any], target: Target, options: RequestOptions) -> bool:
    """Fill in the call's first hop; False, with the call unchanged, if this path cannot.

    Raises
    ------
    TypeError, ValueError
        If headers, parameters or JSON cannot be sent.
    """
    if not _FAST_PARAMETERS.issuperset(options):
        return False
    core, method = call.core, call.method
    nothing_added = core.adds_nothing() and _CREDENTIALS.isdisjoint(options)
    if nothing_added and not options and method in target.heads:
        call.target, call.head = target, target.heads[method]
        return True
    lines = _with_own_headers(_shared_lines(core, target), options.get("headers"))
    if not lines:
        return False
    content, content_type = encode_data(core, options.get("data"), options.get("json"))
    if content is not None and not isinstance(content, bytes):
        return False
    call.target = target = target_with_params(target, options)
    if not nothing_added:
        _add_personal_fields(lines, call, options)
    parts = [f"{method} {target.path} HTTP/{core.http_version}\r\n", *lines.values()]
    size = 0
    if content is not None:
        size = len(content)
        set_bytes(call, content, content_type)
        if "content-type" not in lines:
            parts.append(f"Content-Type: {content_type}\r\n")
    elif method in TYPE_EXPECTED and "content-type" not in lines:
        parts.append(f"Content-Type: {OCTET_STREAM}\r\n")
    if size or method not in NO_BODY_EXPECTED:
        parts.append(f"Content-Length: {size}\r\n")
    parts.append("\r\n")
    call.head = "".join(parts).encode("utf-8", "surrogateescape")
    if nothing_added and not options:
        target.heads[method] = call.head
    return True


def _shared_lines(core: SessionCore, target: Target) -> Mapping[str, str]:
    """The header lines of every request to the target, by lower-case name; made once.

    Empty if the session's headers need the general path.
    """
    if target.lines is None:
        skipped = core.skip_auto_headers
        lines: dict[str, str] = {}
        for name, value in session_headers(core, target.authority, skipped).items():
            lines[name.lower()] = lines.get(name.lower(), "") + field_line(name, value)
        ordinary = _SPECIAL_FIELDS.isdisjoint(map(str.lower, core.default_headers)) and all(
            name.lower() != "content-type" for name in skipped
        )
        target.lines = lines if ordinary else {}
    return target.lines


def _with_own_headers(lines: Mapping[str, str], own: Any) -> dict[str, str]:
    """A copy of the lines, with ``headers=`` merged in; empty if the general path is needed."""
    merged, seen = dict(lines), set()
    if not lines or not own:
        return merged
    if not hasattr(own, "items"):
        return {}
    for name, value in own.items():
        key = str(name).lower()
        if key in _SPECIAL_FIELDS:
            return {}
        line = field_line(name, value)
        merged[key] = merged[key] + line if key in seen else line
        seen.add(key)
    return merged


def _add_personal_fields(lines: dict[str, str], call: Call[Any], options: RequestOptions) -> None:
    """Add credentials, cookies and the ids of the current context."""
    core, url = call.core, call.target.url
    auth = basic_auth("auth", options.get("auth")) or core.auth_for(url)
    if auth is not None:
        if "authorization" in lines:
            raise ValueError(TWO_CREDENTIALS)
        lines["authorization"] = field_line("Authorization", auth.encode())
    call.own_cookies = options.get("cookies")
    if cookies := cookie_header(call, ""):
        lines["cookie"] = field_line("Cookie", cookies)
    if core.propagation is not None:
        ids = [(n, v) for n, v in core.propagation.headers_for(url) if n.lower() not in lines]
        lines.update((name.lower(), field_line(name, value)) for name, value in ids)
        call.propagated = tuple(name for name, _value in ids)
