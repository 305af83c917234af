"""The quick way to prepare a request: its head is put together from lines that are kept.

Most requests have a URL and perhaps headers, parameters or a small body. Their multidict of headers
is made when somebody looks at it. All others go the long way of `request.prepare`, by way of that
multidict; both ways make the same head.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..auth.basic import basic_auth
from ..headers.head import field_line
from ..headers.mime import OCTET_STREAM
from ..net.tls_parameters import TLS_PARAMETERS
from .fields import plain_headers
from .options import KNOWN, PROXY_PARAMETERS
from .query import with_query
from .target import with_url

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..call.call import Call
    from ..call.core import SessionCore
    from ..call.target import Target
    from .options import RequestOptions

TWO_CREDENTIALS = (
    "Cannot combine AUTHORIZATION header with AUTH argument or credentials encoded in URL"
)
NO_BODY_EXPECTED = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""Methods that say nothing of a body where there is none (RFC 9110 §8.6)."""
TYPE_EXPECTED = frozenset({"PATCH", "POST", "PUT"})
"""Methods that send a Content-Type also without a body, as in aiohttp."""
_BYTES = (bytes, bytearray, memoryview)
_SMALL_BODY = 1 << 16
"""Bytes up to which a body is written together with the head."""
_PLAIN = KNOWN - {
    *TLS_PARAMETERS,
    *PROXY_PARAMETERS,
    *("chunked", "compress", "expect100"),
    *("server_hostname", "skip_auto_headers", "upload_tracker"),
}
"""Parameters that the quick way knows, or that change nothing of what is sent."""
_PERSONAL = frozenset({"auth", "cookies"})
_NOT_PLAIN = frozenset(
    {"connection", "content-length", "cookie", "expect", "transfer-encoding", "upgrade"}
)
"""Fields that mean more than the text they bring."""


def prepare_plain(call: Call[Any], target: Target, options: RequestOptions) -> bool:
    """Fill in the call's first hop, if it is a plain one; False if it must go the long way.

    Raises
    ------
    TypeError, ValueError
        For headers, parameters and JSON that cannot be sent.
    """
    if not _PLAIN.issuperset(options):
        return False
    core, method = call.core, call.method
    nothing_added = core.adds_nothing() and _PERSONAL.isdisjoint(options)
    if nothing_added and not options and method in target.heads:
        call.target, call.head = target, target.heads[method]
        return True
    lines = _merged(_lines(core, target), options.get("headers"))
    if not lines:
        return False
    content, content_type = content_of(core, options.get("data"), options.get("json"))
    if content is not None and not isinstance(content, bytes):
        return False
    call.target = target = with_params(target, options)
    if not nothing_added:
        _add_to(lines, call, options)
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


def with_params(target: Target, options: RequestOptions) -> Target:
    """The target with the request's ``params=`` behind its own query."""
    params = options.get("params")
    return target if not params else with_url(target, with_query(target.url, params))


def content_of(core: SessionCore, data: Any, json: Any) -> tuple[Any, str | None]:
    """``data=`` or ``json=`` as bytes, and their type; what is something else stays as it is.

    Raises
    ------
    ValueError
        If both are given.
    """
    if json is not None:
        if data is not None:
            raise ValueError("data and json parameters can not be used at the same time")
        return _json_bytes(core, json), "application/json"
    if isinstance(data, str):
        return data.encode(), "text/plain; charset=utf-8"
    if isinstance(data, _BYTES):
        return bytes(data), OCTET_STREAM
    return data, None


def _json_bytes(core: SessionCore, value: Any) -> bytes:
    """`value` as the session serializes JSON."""
    if core.json_serialize_bytes is None:
        return core.json_serialize(value).encode("utf-8")
    data = core.json_serialize_bytes(value)
    if not isinstance(data, _BYTES):
        raise TypeError(f"json_serialize_bytes must return bytes, not {type(data).__name__}")
    return bytes(data)


def set_bytes(
    call: Call[Any], data: bytes, content_type: str | None, *, together: bool = True
) -> None:
    """Let the body be these bytes, written together with the head if they are few."""
    if together and len(data) <= _SMALL_BODY and call.upload_tracker is None:
        call.body = data
        return
    from ..body.payload import BytesPayload

    call.payload = BytesPayload(data, content_type=content_type or OCTET_STREAM)


def _lines(core: SessionCore, target: Target) -> Mapping[str, str]:
    """The lines of the fields that every request to the target has, by the fields' names.

    There are none if some that the session was given mean more than what they say.
    """
    if target.lines is None:
        skipped = core.skip_auto_headers
        lines: dict[str, str] = {}
        for name, value in plain_headers(core, target.authority, skipped).items():
            lines[name.lower()] = lines.get(name.lower(), "") + field_line(name, value)
        plain = _NOT_PLAIN.isdisjoint(map(str.lower, core.default_headers)) and all(
            name.lower() != "content-type" for name in skipped
        )
        target.lines = lines if plain else {}
    return target.lines


def _merged(lines: Mapping[str, str], own: Any) -> dict[str, str]:
    """The lines with those of the request's own headers; none if that cannot be done so simply."""
    merged, seen = dict(lines), set()
    if not lines or not own:
        return merged
    if not hasattr(own, "items"):
        return {}
    for name, value in own.items():
        key = str(name).lower()
        if key in _NOT_PLAIN:
            return {}
        line = field_line(name, value)
        merged[key] = merged[key] + line if key in seen else line
        seen.add(key)
    return merged


def _add_to(lines: dict[str, str], call: Call[Any], options: RequestOptions) -> None:
    """Add the lines that depend on who asks for what: credentials, cookies, ids."""
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


def cookie_header(call: Call[Any], header: str) -> str:
    """The jar's cookies for the hop's URL, the request's own, and those of a Cookie header."""
    own = call.own_cookies
    if own is None and not call.core.has_cookies():
        return header
    from ..cookies.jar import request_cookies

    return request_cookies(call.core.jar, call.url, own, header)
