"""Timelines as plain values for JSON, and back: what files of exporters hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from yarl import URL

from ..headers.server_timing import ServerTiming
from ..masking import mask_url
from ..trace.hop import Hop
from ..trace.record import AddressTry, CacheFacts, ClosedBefore, DnsFacts, QueueFacts, TlsFacts
from ..trace.tcp_info import TcpInfo
from ..trace.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_NOT_STORED = ("exception", "loop_blocks")
"""What only the program that ran has: the exception's text is stored, as `error`."""


def _tcp_info(pair: list[Any]) -> TcpInfo:
    raw, at_ns = pair
    return TcpInfo(bytes.fromhex(raw), at_ns)


def _tuples(kind: Callable[..., Any]) -> Callable[[list[Any]], tuple[Any, ...]]:
    return lambda items: tuple(kind(*item) for item in items)


def _pair(*items: Any) -> tuple[Any, ...]:
    return items


_READ: dict[str, Callable[[Any], Any]] = {
    "url": URL,
    "proxy": URL,
    "tls": lambda items: TlsFacts(*items),
    "dns": lambda items: DnsFacts(*items),
    "queued": lambda items: QueueFacts(*items),
    "cache": lambda items: CacheFacts(*items),
    "closed_before": lambda items: ClosedBefore(*items),
    "addresses_tried": _tuples(AddressTry),
    "addresses_failed": _tuples(_pair),
    "server_timing": _tuples(ServerTiming),
    "spans_ns": lambda items: [tuple(item) for item in items],
    "out_of_order": tuple,
    "tcp": _tcp_info,
    "tcp_before": _tcp_info,
    "tcp_later": _tcp_info,
}
"""What is not itself a value of JSON: how it is read."""


def stored_hop(hop: Hop) -> dict[str, Any]:
    """A hop as values for JSON. Secrets in URLs are masked."""
    values = {name: _plain(value) for name, value in vars(hop).items() if name not in _NOT_STORED}
    return {**values, "_error": hop.error}


def _plain(value: Any) -> Any:
    if isinstance(value, URL):
        return mask_url(value)
    if isinstance(value, TcpInfo):
        return [value._raw.hex(), value.at_ns]
    return value


def hop_from(stored: dict[str, Any]) -> Hop:
    """The hop that `stored_hop` made this from, without its exception."""
    hop = Hop.__new__(Hop)
    hop.exception, hop.loop_blocks = None, ()
    for name, value in stored.items():
        read = _READ.get(name)
        setattr(hop, name, value if read is None or value is None else read(value))
    return hop


def timeline_from(
    hops: Iterable[Hop], request_id: int | None, context_id: str | None = None
) -> Timeline:
    """A timeline of these hops."""
    timeline = Timeline.__new__(Timeline)
    timeline.request_id, timeline.context_id = request_id, context_id
    timeline.hops, timeline.complete = [*hops], True
    return timeline
