"""The structure that Linux returns for TCP_INFO, of whatever length."""

from __future__ import annotations

import json
import pickle
import struct

import pytest

from httptrace.trace.tcp_info import TcpInfo, _Field

HEAD = struct.pack("=8B", 1, 0, 0, 0, 0, 7, 0x77, 0)
WORDS = [
    *(201_000, 40_000, 1448, 1400, 3, 0, 1, 2, 0),  # rto, ato, snd_mss, rcv_mss … fackets
    *(12, 0, 48, 7),  # last_data_sent, last_ack_sent, last_data_recv, last_ack_recv
    *(1500, 64_088, 52_500, 1_250, 2**31 - 1, 10, 1448, 3, 51_000, 14_600, 4),  # … total_retrans
]
OLDEST = HEAD + struct.pack("=24I", *WORDS)
TODAY = OLDEST + struct.pack(
    "=4Q6I4Q2I2Q6I",
    *(1_000_000, 2**64 - 1, 1201, 65_536),  # pacing_rate, max_pacing_rate, bytes_acked, …received
    *(5, 6, 700, 49_800, 3, 4),  # segs_out, segs_in, notsent_bytes, min_rtt, data_segs_in, …out
    *(2_500_000, 90_000, 30_000, 20_000),  # delivery_rate, busy_time, rwnd_limited, sndbuf_limited
    *(9, 0, 1500, 300),  # delivered, delivered_ce, bytes_sent, bytes_retrans
    *(0, 0, 2, 29_200, 31_000, 0),  # dsack_dups, reord_seen, rcv_ooopack, snd_wnd, rcv_wnd, rehash
)
FIELDS = {name: field for name, field in vars(TcpInfo).items() if isinstance(field, _Field)}
TRUE = {
    "snd_mss": 1448,
    "rcv_mss": 1400,
    "unacked": 3,
    "lost": 1,
    "pmtu": 1500,
    "snd_cwnd": 10,
    "rcv_space": 14_600,
    "retrans": 2,
    "total_retrans": 4,
    "last_data_sent_ns": 12_000_000,
    "last_data_recv_ns": 48_000_000,
    "last_ack_recv_ns": 7_000_000,
    "rtt_ns": 52_500_000,
    "rttvar_ns": 1_250_000,
    "min_rtt_ns": 49_800_000,
    "busy_ns": 90_000_000,
    "rwnd_limited_ns": 30_000_000,
    "sndbuf_limited_ns": 20_000_000,
    "bytes_retrans": 300,
    "rcv_ooopack": 2,
    "bytes_acked": 1201,
    "bytes_received": 65_536,
    "notsent_bytes": 700,
    "delivery_rate": 2_500_000,
    "bytes_sent": 1500,
    "snd_wnd": 29_200,
    "rcv_wnd": 31_000,
}
NEWER = ["min_rtt_ns", "busy_ns", "rwnd_limited_ns", "sndbuf_limited_ns", "bytes_retrans"]
NEWER += ["rcv_ooopack", "bytes_acked", "bytes_received", "notsent_bytes", "delivery_rate"]
NEWER += ["bytes_sent", "snd_wnd", "rcv_wnd"]


def values(info: TcpInfo) -> dict[str, int | None]:
    return {name: getattr(info, name) for name in FIELDS}


def test_every_field() -> None:
    """Each field is read from its place, times in nanoseconds, whatever a newer kernel appends."""
    assert values(TcpInfo(TODAY, 0)) == TRUE
    assert values(TcpInfo(TODAY + bytes(64), 0)) == TRUE


def test_the_oldest_structure() -> None:
    """A kernel without the later fields has None for them, and the others all the same."""
    assert len(OLDEST) == TcpInfo.LEAST
    assert values(TcpInfo(OLDEST, 0)) == {**TRUE, **dict.fromkeys(NEWER)}


@pytest.mark.parametrize("length", range(TcpInfo.LEAST, len(TODAY) + 1))
def test_any_length(length: int) -> None:
    """Of a structure that ends anywhere, the fields that lie in it are right, the others None."""
    for name, value in values(TcpInfo(TODAY[:length], 0)).items():
        assert value == (TRUE[name] if FIELDS[name]._end <= length else None)


def test_what_was_not_measured_is_none() -> None:
    """Round trips and rates that the kernel has not measured yet are None, not 0 or 71 minutes."""
    raw = bytearray(TODAY)
    raw[68:72], raw[148:152], raw[160:168] = bytes(4), b"\xff" * 4, bytes(8)
    info = TcpInfo(bytes(raw), 0)
    assert (info.rtt_ns, info.min_rtt_ns, info.delivery_rate) == (None, None, None)
    assert "round trip unknown" in repr(info)


def test_as_json() -> None:
    """The dict for JSON has seconds under the names without ``_ns``, and amounts as they are."""
    shown = json.loads(json.dumps(TcpInfo(TODAY, 0).to_dict()))
    assert set(shown) == {name.removesuffix("_ns") for name in FIELDS}
    assert (shown["rtt"], shown["last_data_recv"], shown["snd_cwnd"]) == (0.0525, 0.048, 10)
    assert TcpInfo(OLDEST, 0).to_dict()["min_rtt"] is None
    assert repr(TcpInfo(TODAY, 0)) == "<TcpInfo: round trip 52.500 ms, 4 segments sent again>"


def test_pickled() -> None:
    """A pickled copy has the same values, and the same time."""
    copy = pickle.loads(pickle.dumps(TcpInfo(TODAY, 17)))
    assert (copy.at_ns, values(copy)) == (17, TRUE)
