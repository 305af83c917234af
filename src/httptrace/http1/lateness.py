"""What the kernel knows when a response begins: above all how long its bytes lay there unread.

A loop that is busy reads late. Without the kernel's clock that time would count as the server's.
One look costs about 2 µs. So it is taken when a connection is new or a wait was long, and within an
allowance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..net.kernel import kernel_socket, tcp_info, unnoticed_ns

if TYPE_CHECKING:
    from ..call.exchange import Exchange
    from ..trace.tcp_info import TcpInfo
    from .sending import Sending

LONG_NS = 4_000_000
"""A wait from which on the kernel is asked: a tick of its clock on most machines."""
_EACH_NS = 500_000
"""On average there is at most one look in so many nanoseconds."""
_BURST_NS = 256 * _EACH_NS
"""So many responses that wait for a loop that was blocked are all looked at."""
_allowed_ns = 0


def _allow(now_ns: int) -> bool:
    """Whether the allowance has room for another look."""
    global _allowed_ns
    next_ns = max(_allowed_ns, now_ns - _BURST_NS) + _EACH_NS
    if next_ns > now_ns:
        return False
    _allowed_ns = next_ns
    return True


def _info(connection: Sending) -> TcpInfo | None:
    transport = connection.transport
    sock = None if transport is None else kernel_socket(transport)
    return None if sock is None else tcp_info(sock)


def look_at_beginning(connection: Sending, exchange: Exchange, now_ns: int) -> None:
    """Keep the kernel's facts in the exchange, whose response begins now."""
    if exchange.served_before and not _allow(now_ns):
        return
    info = _info(connection)
    if info is None:
        return
    exchange.kernel_before = connection.kernel
    exchange.kernel = connection.kernel = info
    connection.facts = None
    if exchange.sent_ns and not exchange.sent_is_known:  # the last look came before the last byte
        exchange.sent_ns = max(exchange.sent_ns, now_ns - info.last_data_sent_ns)
        exchange.sent_is_known = True
    exchange.wait_late_ns = min(
        unnoticed_ns(info.last_data_recv_ns), now_ns - (exchange.sent_ns or now_ns)
    )


def look_at_more(connection: Sending, exchange: Exchange, now_ns: int) -> None:
    """Note how long the data that a reader waited for lay in the kernel."""
    if not _allow(now_ns):
        return
    info = _info(connection)
    if info is not None:
        exchange.kernel_later = connection.kernel = info
        exchange.unread_ns += unnoticed_ns(info.last_data_recv_ns)
