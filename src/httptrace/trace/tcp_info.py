"""`TcpInfo`: what Linux tells about a TCP connection (``TCP_INFO``, see tcp(7)).

The fields of ``struct tcp_info`` are the attributes of the class, each with its place in the
structure. A newer kernel appends fields and leaves the others where they are, so the length of the
structure says which of them this kernel has.
"""

from __future__ import annotations

from struct import Struct
from typing import Any, Generic, TypeVar, overload

T = TypeVar("T", int, int | None)

_US, _MS = 1_000, 1_000_000
"""Nanoseconds of the units in which the kernel counts."""
_NEVER = 0xFFFFFFFF
"""What the kernel has as the least round trip before it has measured one."""


class _Field(Generic[T]):
    """One field: where it lies, its format, and what to multiply it with.

    It is None if the structure ends before it, or if it has the value that means `unknown`.
    """

    __slots__ = ("_end", "_offset", "_unknown", "_unpack_from", "unit")

    def __init__(self, offset: int, form: str, unit: int = 1, unknown: int | None = None) -> None:
        layout = Struct("=" + form)  # the byte order of this machine, and no padding
        self._offset, self._end = offset, offset + layout.size
        self._unpack_from = layout.unpack_from
        self._unknown = unknown
        self.unit = unit

    @overload
    def __get__(self, info: None, owner: type[Any]) -> _Field[T]: ...
    @overload
    def __get__(self, info: TcpInfo, owner: type[Any]) -> T: ...
    def __get__(self, info: TcpInfo | None, owner: type[Any]) -> Any:
        if info is None:
            return self
        raw = info._raw
        if len(raw) < self._end:
            return None
        (value,) = self._unpack_from(raw, self._offset)
        return None if value == self._unknown else value * self.unit


class TcpInfo:
    """What the kernel knew about a connection at one moment. It is about the peer of the socket:
    with a proxy, that is the proxy.

    A value that this kernel does not know is None. The fields are unpacked when they are read.
    """

    __slots__ = ("_raw", "at_ns")

    LEAST = 104
    """Bytes of the structure in the oldest kernels; all fields without a version lie in them."""

    def __init__(self, raw: bytes, at_ns: int) -> None:
        self._raw = raw
        self.at_ns = at_ns
        """When the kernel was asked, a ``time.perf_counter_ns()`` reading."""

    # --- segments and windows -------------------------------------------------------------------

    snd_mss = _Field[int](16, "I")
    """Bytes of the largest segment that is sent."""
    rcv_mss = _Field[int](20, "I")
    """Bytes of the largest segment that the peer is believed to send."""
    unacked = _Field[int](24, "I")
    """Segments that were sent and are not acknowledged."""
    lost = _Field[int](32, "I")
    """Segments that are believed lost now."""
    pmtu = _Field[int](60, "I")
    """Bytes of the largest packet that the path takes."""
    snd_cwnd = _Field[int](80, "I")
    """Congestion window: how many segments may be under way."""
    rcv_space = _Field[int](96, "I")
    """Bytes that the receive buffer is tuned for."""

    # --- times ------------------------------------------------------------------------------------

    last_data_sent_ns = _Field[int](44, "I", _MS)
    """How long before `at_ns` the kernel last sent data, in steps of its clock (1 to 10 ms)."""
    last_data_recv_ns = _Field[int](52, "I", _MS)
    """How long before `at_ns` data last reached the kernel, in steps of its clock (1 to 10 ms).

    Before the first data it counts from the connection's start, as `last_data_sent_ns` does.
    """
    last_ack_recv_ns = _Field[int](56, "I", _MS)
    """How long before `at_ns` an acknowledgement last reached the kernel, in the same steps."""
    rtt_ns = _Field[int | None](68, "I", _US, unknown=0)
    """Smoothed round trip time."""
    rttvar_ns = _Field[int](72, "I", _US)
    """Mean deviation of the round trip time."""
    min_rtt_ns = _Field[int | None](148, "I", _US, unknown=_NEVER)
    """The least round trip time of the last five minutes (Linux 4.6)."""
    busy_ns = _Field[int | None](168, "Q", _US)
    """How long there was something to send or to be acknowledged (Linux 4.10)."""
    rwnd_limited_ns = _Field[int | None](176, "Q", _US)
    """How much of that the peer's receive window held back (Linux 4.10)."""
    sndbuf_limited_ns = _Field[int | None](184, "Q", _US)
    """How much of that the send buffer of this machine held back (Linux 4.10)."""

    # --- what was lost ----------------------------------------------------------------------------

    retrans = _Field[int](36, "I")
    """Segments under way that were sent again."""
    total_retrans = _Field[int](100, "I")
    """Segments that were sent again since the connection began."""
    bytes_retrans = _Field[int | None](208, "Q")
    """Bytes that were sent again since the connection began (Linux 4.19)."""
    rcv_ooopack = _Field[int | None](224, "I")
    """Segments that arrived out of order since the connection began (Linux 5.4)."""

    # --- amounts ----------------------------------------------------------------------------------

    bytes_acked = _Field[int | None](120, "Q")
    """Bytes that the peer has acknowledged, and 1 for the connection's start (Linux 4.1)."""
    bytes_received = _Field[int | None](128, "Q")
    """Bytes that arrived in order (Linux 4.1)."""
    notsent_bytes = _Field[int | None](144, "I")
    """Bytes that the kernel has accepted and not yet sent (Linux 4.6)."""
    delivery_rate = _Field[int | None](160, "Q", unknown=0)
    """Bytes per second that recently reached the peer (Linux 4.9)."""
    bytes_sent = _Field[int | None](200, "Q")
    """Bytes that were sent, those sent again included (Linux 4.19)."""
    snd_wnd = _Field[int | None](228, "I")
    """Bytes that the peer's receive window has room for (Linux 5.4)."""
    rcv_wnd = _Field[int | None](232, "I")
    """Bytes that the receive window offers to the peer (Linux 6.2)."""

    def to_dict(self) -> dict[str, float | None]:
        """The fields for JSON; times in seconds, under their names without ``_ns``."""
        return {
            name.removesuffix("_ns"): _shown(getattr(self, name), field.unit)
            for name, field in vars(TcpInfo).items()
            if isinstance(field, _Field)
        }

    def __repr__(self) -> str:
        rtt = "unknown" if self.rtt_ns is None else f"{self.rtt_ns / _MS:.3f} ms"
        return f"<TcpInfo: round trip {rtt}, {self.total_retrans} segments sent again>"


def _shown(value: int | None, unit: int) -> float | None:
    return value if value is None or unit == 1 else value / 1e9
