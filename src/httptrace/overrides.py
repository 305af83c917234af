"""Overrides of methods that aiohttp calls and httptrace does not: refused, never ignored.

A subclass or a patch that overrides such a method expects to be called. Requests would go out
without what it does: direct instead of by its proxy, unsigned, past its guard.
"""

from __future__ import annotations

UNCALLED: dict[str, tuple[str, ...]] = {
    "BaseConnector": (
        *("_available_connections", "_create_connection", "_get", "_release", "_release_acquired"),
        *("_create_direct_connection", "_create_proxy_connection", "_wrap_create_connection"),
        *("_wrap_existing_connection", "_start_tls_connection", "_get_ssl_context"),
        *("_get_fingerprint", "_resolve_host_with_throttle", "_wait_for_available_connection"),
    ),
    "ClientRequest": (
        *("send", "write_bytes", "update_auth", "update_auto_headers", "update_body_from_data"),
        *("update_content_encoding", "update_cookies", "update_expect_continue", "update_headers"),
        *("update_host", "update_proxy", "update_transfer_encoding", "update_version"),
        *("_update_body", "_on_chunk_request_sent", "_on_headers_request_sent"),
    ),
    "ClientResponse": ("start", "_parse_content_type", "_response_eof", "_release_connection"),
    "ClientWebSocketResponse": ("_send_heartbeat", "_reset_heartbeat", "_on_data_received"),
    "CookieJar": ("_build_morsel", "_can_send", "_is_domain_match", "_update_cookies"),
}
"""By class: methods that aiohttp 3.14 calls. None of them exists in the class of httptrace."""


def refuse_overrides(cls: type, base: str, instead: str) -> None:
    """Raise if a class has one of the methods of `UNCALLED`.

    Raises
    ------
    TypeError
        Naming the method, and what does its work in httptrace.
    """
    for name in UNCALLED[base]:
        if hasattr(cls, name):
            text = f"{cls.__name__} overrides {base}.{name}, which httptrace never calls: {instead}"
            raise TypeError(text)
