"""Private attributes of aiohttp's ClientSession that programs read and set all the same.

Reading one gives what the session has; setting one changes it for the requests to come. Setting any
other private attribute of aiohttp's session raises AttributeError instead of doing nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from multidict import CIMultiDict

from ..checks import checked_callable, flag
from ..request.fields import merge_headers
from ..request.options import status_check, timeout_of, timeout_settings
from .arguments import checked_auth, checked_base_url, checked_jar

if TYPE_CHECKING:
    from ..call.core import SessionCore


def _set_headers(core: SessionCore, value: Any) -> None:
    headers: CIMultiDict[str] = CIMultiDict()
    merge_headers(headers, value)
    core.default_headers, core.headers_version = headers, -1
    core.pristine = False


def _set_auth(core: SessionCore, value: Any) -> None:
    core.auth, core.pristine = checked_auth(value), False


def _set_timeout(core: SessionCore, value: Any) -> None:
    timeout, total_ns, first_ns = timeout_settings(timeout_of(value, core.settings.timeout))
    core.settings = core.settings._replace(
        timeout=timeout, total_ns=total_ns, first_limit_ns=first_ns
    )


def _set_jar(core: SessionCore, value: Any) -> None:
    from ..cookies.jar import length_counts

    if checked_jar(value) is None:
        raise TypeError("_cookie_jar must be an AbstractCookieJar, not None")
    core.jar, core.counts_cookies, core.pristine = value, length_counts(value), False


def _set_base_url(core: SessionCore, value: Any) -> None:
    core.base_url = checked_base_url(value)
    core.targets.clear()


def _set_raise_for_status(core: SessionCore, value: Any) -> None:
    check = status_check("_raise_for_status", value)
    core.settings = core.settings._replace(raise_for_status=check)


def _set_retry(core: SessionCore, value: Any) -> None:
    core.retry_connection = bool(value)


def _set_trust_env(core: SessionCore, value: Any) -> None:
    core.trust_env, core.pristine = flag("_trust_env", value), False


def _set_requote(core: SessionCore, value: Any) -> None:
    core.requote = bool(value)


def _set_charset(core: SessionCore, value: Any) -> None:
    core.fallback_charset = checked_callable("_resolve_charset", value)


def _read_headers(core: SessionCore) -> Any:
    core.pristine = False
    return core.default_headers


def _read_jar(core: SessionCore) -> Any:
    core.pristine = False
    return core.jar


READ: dict[str, Callable[[SessionCore], Any]] = {
    "_auto_decompress": lambda core: core.settings.auto_decompress,
    "_base_url": lambda core: core.base_url,
    "_cookie_jar": _read_jar,
    "_default_auth": lambda core: core.auth,
    "_default_headers": _read_headers,
    "_json_serialize": lambda core: core.json_serialize,
    "_json_serialize_bytes": lambda core: core.json_serialize_bytes,
    "_loop": lambda core: core.loop,
    "_middlewares": lambda core: core.middlewares,
    "_raise_for_status": lambda core: core.settings.raise_for_status,
    "_read_bufsize": lambda core: core.settings.read_bufsize,
    "_request_class": lambda core: core.request_class,
    "_requote_redirect_url": lambda core: core.requote,
    "_resolve_charset": lambda core: core.fallback_charset,
    "_response_class": lambda core: core.response_class,
    "_retry_connection": lambda core: core.retry_connection,
    "_skip_auto_headers": lambda core: core.skip_auto_headers,
    "_timeout": lambda core: core.settings.timeout,
    "_trace_configs": lambda core: core.trace_configs,
    "_trust_env": lambda core: core.trust_env,
    "_version": lambda core: core.version,
    "_ws_response_class": lambda core: core.ws_response_class,
}
SET: dict[str, Callable[[SessionCore, Any], None]] = {
    "_base_url": _set_base_url,
    "_cookie_jar": _set_jar,
    "_default_auth": _set_auth,
    "_default_headers": _set_headers,
    "_raise_for_status": _set_raise_for_status,
    "_requote_redirect_url": _set_requote,
    "_resolve_charset": _set_charset,
    "_retry_connection": _set_retry,
    "_timeout": _set_timeout,
    "_trust_env": _set_trust_env,
}
REFUSED = frozenset(READ).difference(SET) | {
    *("_base_url_origin", "_connector_owner", "_default_proxy", "_default_proxy_auth"),
    *("_max_field_size", "_max_headers", "_max_line_size"),
}


def use_connector(core: SessionCore, connector: Any) -> None:
    """Let the session's requests go over another connector, or over one that wraps its own.

    Raises
    ------
    TypeError, RuntimeError
        If it is not an open connector of the session's event loop.
    """
    from ..pool.connectors import check_connector
    from ..pool.wrapped import pool_behind

    core.pool = pool_behind(check_connector(connector, core.loop))
    core.targets.clear()


def _private(name: str) -> property:
    """A property for one of them."""
    read, change = READ.get(name), SET.get(name)

    def get(session: Any) -> Any:
        if read is None:
            raise AttributeError(f"an httptrace session has no {name}", name=name, obj=session)
        return read(session._ClientSession__core)

    def put(session: Any, value: Any) -> None:
        if change is None:
            text = f"{name} of an httptrace session cannot be set: give it to ClientSession instead"
            raise AttributeError(text, name=name, obj=session)
        change(session._ClientSession__core, value)

    return property(get, put)


class PrivateNames:
    """The properties of `READ`, `SET` and `REFUSED`."""


for _name in sorted({*READ, *SET, *REFUSED}):
    setattr(PrivateNames, _name, _private(_name))
