"""Methods of aiohttp's classes that programs override: called, or refused; never ignored.

A subclass or a patch that overrides such a method expects to be called. Requests would go out
without what it does: direct instead of by its proxy, unsigned, past its guard. A test compares the
tables with the installed aiohttp: each of its methods exists here, or is in `UNCALLED`.
"""

from __future__ import annotations

from abc import ABCMeta
from collections.abc import Callable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

F = TypeVar("F", bound=Callable[..., Any])

UNCALLED: dict[str, tuple[str, ...]] = {
    "BaseConnector": (
        *("_available_connections", "_get", "_release", "_release_acquired", "_release_waiter"),
        *("_wait_for_available_connection", "_cleanup", "_cleanup_closed", "_close"),
        *("_wrap_existing_connection", "_start_tls_connection", "_get_ssl_context"),
        *("_get_fingerprint", "_resolve_host_with_throttle", "_convert_hosts_to_addr_infos"),
        *("_check_loop_for_start_tls", "_fail_on_no_start_tls", "_loop_supports_start_tls"),
        "_warn_about_tls_in_tls",
    ),
    "ClientRequest": (
        *("send", "write_bytes", "update_auth", "update_auto_headers", "update_body_from_data"),
        *("update_content_encoding", "update_cookies", "update_expect_continue", "update_headers"),
        *("update_host", "update_proxy", "update_transfer_encoding", "update_version"),
        *("_update_body", "_on_chunk_request_sent", "_on_headers_request_sent"),
        *("_get_content_length", "_writer", "close", "terminate", "skip_auto_headers"),
    ),
    "ClientResponse": (
        *("start", "_parse_content_type", "_response_eof", "_release_connection"),
        *("_cleanup_writer", "_notify_content", "_wait_released", "_writer"),
    ),
    "ClientSession": ("_get_netrc_auth",),
    "ClientWebSocketResponse": (
        *("_send_heartbeat", "_reset_heartbeat", "_on_data_received", "_cancel_heartbeat"),
        *("_cancel_pong_response_cb", "_flush_heartbeat_reset", "_handle_ping_pong_exception"),
        *("_ping_task_done", "_pong_not_received", "_set_closed", "_set_closing"),
    ),
    "CookieJar": (
        *("_build_morsel", "_can_send", "_is_domain_match", "_update_cookies", "_delete_cookies"),
        *("_do_expiration", "_expire_cookie", "_filter_cookies_within_limits", "_load_json_data"),
        *("_make_room", "_morsel_entry", "_new_loading_jar", "_parse_date", "_purge_cookies"),
        *("_replace_contents", "_touch_cookies"),
    ),
    "ResponseHandler": ("data_received", "eof_received", "connection_lost", "set_parser"),
}
"""By class: methods that aiohttp 3.14 calls, and httptrace does not."""

CALLED: dict[str, tuple[str, ...]] = {
    "BaseConnector": (
        *("connect", "_create_connection", "_create_direct_connection"),
        *("_create_proxy_connection", "_wrap_create_connection", "_resolve_host"),
        "_update_proxy_auth_header_and_build_proxy_req",
    ),
    "ClientRequest": ("__init__", "is_ssl"),
}
"""By class: methods that are called if a program overrides them, and cost nothing otherwise."""

_CALLED = {base: frozenset(names) for base, names in CALLED.items()}
_UNCALLED = {base: frozenset(names) for base, names in UNCALLED.items()}
_BOTH = {base: names | _CALLED.get(base, frozenset()) for base, names in _UNCALLED.items()}
_originals: dict[int, Any] = {}
"""httptrace's own methods of these names, by their ids."""
_kept: WeakKeyDictionary[type, frozenset[str]] = WeakKeyDictionary()


def original(method: F) -> F:
    """Mark a method of the tables as httptrace's own: another in its place is an override."""
    _originals[id(method)] = method
    return method


def _overrides(cls: type, names: frozenset[str]) -> frozenset[str]:
    """Those of the names that stand for something else in a class than `original` methods.

    Looking for them in the namespaces is quicker than asking for each attribute: most are nowhere.
    """
    there = (name for base in cls.__mro__ for name in names & vars(base).keys())
    return frozenset(name for name in there if id(getattr(cls, name)) not in _originals)


def _overrides_of(cls: type, base: str) -> frozenset[str]:
    """The methods of both tables that a class overrides; kept for `Patchable` classes."""
    if type(cls) is not Patchable:
        return _overrides(cls, _BOTH[base])
    found = _kept.get(cls)
    if found is None:
        found = _kept[cls] = _overrides(cls, _BOTH[base])
    return found


def overridden(target: Any, base: str) -> frozenset[str]:
    """The methods of `CALLED` that an object overrides, by its class or an assignment to it."""
    found, assigned = _overrides_of(type(target), base), vars(target)
    return (found & _CALLED[base]).union(name for name in CALLED[base] if name in assigned)


def refuse_overrides(cls: type, base: str, instead: str) -> None:
    """Raise if a class overrides one of the methods of `UNCALLED`.

    Raises
    ------
    TypeError
        Naming the method, and what does its work in httptrace.
    """
    for name in sorted(_overrides_of(cls, base) & _UNCALLED[base]):
        text = f"{cls.__name__} overrides {base}.{name}, which httptrace never calls: {instead}"
        raise TypeError(text)


# --- methods that are replaced on a class whose objects exist -------------------------------------

_followers: dict[str, WeakKeyDictionary[Any, Callable[[Any], None]]] = {
    base: WeakKeyDictionary() for base in CALLED
}


def follow(base: str, follower: Any, changed: Callable[[Any], None]) -> None:
    """Call ``changed(follower)`` whenever a method of the tables is replaced on a class.

    The follower is held weakly, so `changed` must not hold it.
    """
    _followers[base][follower] = changed


class Patchable(ABCMeta):
    """The metaclass of classes that tests and agents patch: objects that depend on them are told.

    What is overridden is found out when a connector or a session is made, and again after each such
    change: requests do not pay for it.
    """

    def __setattr__(cls, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        _tell(name)

    def __delattr__(cls, name: str) -> None:
        super().__delattr__(name)
        _tell(name)


def _tell(name: str) -> None:
    _kept.clear()
    for base, followers in _followers.items():
        if name in _CALLED[base] or name in _UNCALLED[base]:
            for follower, changed in [*followers.items()]:
                changed(follower)
