"""What a timeline computes from a record, so that requests need not."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .record import Record


def providing_ns(record: Record, end_ns: int) -> int:
    """How long sending waited for the program, which provides the body piece by piece."""
    since_ns, until_ns = record.providing_since_ns, record.first_byte_ns or end_ns
    waited_ns = record.providing_ns + (max(0, until_ns - since_ns) if since_ns else 0)
    return min(waited_ns, until_ns - record.send_ns) if record.send_ns else 0


def held_back_ns(record: Record, end_ns: int) -> int:
    """How long the reader made receiving, at least: reading was paused and data was there.

    If the reader had to wait for the network as well, it may have lost nothing: the network went on
    during the pauses. So its waits are subtracted.
    """
    paused_ns = record.paused_ns
    if record.paused_since_ns:
        paused_ns += max(0, end_ns - record.paused_since_ns)
    return max(0, paused_ns - record.network_wait_ns)


def silent_ns(record: Record, end_ns: int) -> int:
    """How long nothing moved before the end."""
    since_ns = record.blocked_since_ns or record.last_data_ns
    return max(0, end_ns - since_ns) if since_ns else 0


def retransmitted(record: Record) -> int | None:
    """How many segments were sent again since the kernel was asked for the request before.

    It is asked for each new connection and after each long wait, and a loss makes a wait long.
    """
    if record.kernel is None:
        return None
    before = 0 if record.kernel_before is None else record.kernel_before.total_retrans
    return max(0, record.kernel.total_retrans - before)


def out_of_order(record: Record) -> tuple[int, int]:
    """How many segments came out of order: until the response began, and in all.

    It counts from when the kernel was asked for the request before, as `retransmitted` does.
    """
    if record.kernel is None:
        return 0, 0
    later = record.kernel if record.kernel_later is None else record.kernel_later
    before = None if record.kernel_before is None else record.kernel_before.rcv_ooopack
    first, all_of_them = record.kernel.rcv_ooopack or 0, later.rcv_ooopack or 0
    return max(0, first - (before or 0)), max(0, all_of_them - (before or 0))


def resent_ns(record: Record) -> int:
    """How long after the request was sent its last data was sent again; in ticks of the kernel."""
    kernel = record.kernel
    if kernel is None or not record.sent_ns or not retransmitted(record):
        return 0
    return max(0, kernel.at_ns - kernel.last_data_sent_ns - record.sent_ns)


def length_of(name: bytes, head: bytes) -> int:
    """The length of a header's value in a head; 0 if it is not there."""
    start = head.find(name)
    return head.index(b"\r\n", start + 2) - start - len(name) if start >= 0 else 0
