"""Findings about receiving a response."""

from __future__ import annotations

import pytest

from httptrace.trace.record import Phase

from ..built import MS, Attempt, kernel
from .finding import found

BODY: dict[Phase, float] = {"queue": 1, "send": 0, "wait": 5, "receive": 2000}
JSON = {"Content-Type": "application/json; charset=utf-8"}
ASKED = b"GET / HTTP/1.1\r\nAccept-Encoding: gzip\r\n\r\n"


def test_slow_reader() -> None:
    """Reading was paused because the program did not read; it did not wait for the network."""
    one = found(Attempt(BODY, paused_ns=1500 * MS, network_wait_ns=100 * MS))["slow_reader"]
    assert (one.seconds, one.evidence) == (1.4, "the body waited 1.40 s for the program to read it")


def test_slow_reader_nearly() -> None:
    """If the network was waited for as long, the reader has cost nothing."""
    even = Attempt(BODY, paused_ns=1000 * MS, network_wait_ns=1000 * MS)
    assert "slow_reader" not in found(even)
    never_paused = Attempt(BODY, network_wait_ns=0)
    assert "slow_reader" not in found(never_paused)
    websocket = Attempt(BODY, paused_ns=1500 * MS, network_wait_ns=0, status=101)
    assert not found(websocket).keys() & {"slow_reader", "download_slow"}


def test_small_window() -> None:
    """The window in each round trip is all that came."""
    body = Attempt(BODY, body_received=2_600_000, kernel=kernel(min_rtt_ns=50 * MS))
    body.kernel_later = kernel(rcv_wnd=65_535)
    findings = found(body)
    assert findings["small_window"].seconds == 2.0
    assert findings["small_window"].evidence == (
        "1.3 MB/s: a window of 66 kB in a round trip of 50 ms allows 1.3 MB/s"
    )
    assert "tcp_rmem" in findings["small_window"].advice
    assert "download_slow" not in findings


@pytest.mark.parametrize(
    ("window", "body", "paused_ms"),
    [
        (6_000_000, 2_600_000, 0),  # the window has grown: it allows far more
        (65_535, 9_000_000, 0),  # more came than this window allows: it was larger
        (65_535, 500_000, 0),  # over before the window can have grown
        (65_535, 2_600_000, 1900),  # the reader keeps it small
        (0, 2_600_000, 0),  # not known
    ],
)
def test_small_window_nearly(window: int, body: int, paused_ms: int) -> None:
    """The window is not blamed for what it may not have caused."""
    one = Attempt(BODY, body_received=body, kernel=kernel(min_rtt_ns=50 * MS))
    one.kernel_later = kernel(rcv_wnd=window)
    one.paused_ns, one.network_wait_ns = paused_ms * MS, 0
    assert "small_window" not in found(one)


def test_uncompressed_large_body() -> None:
    """A large text came uncompressed: about three quarters of its time could be spared."""
    body = Attempt(BODY, body_received=1_200_000, headers=JSON, head_sent=ASKED)
    findings = found(body)
    one = findings["uncompressed_large_body"]
    assert one.seconds == 1.5
    assert one.evidence == "1.2 MB of application/json came uncompressed in 2.00 s"
    assert one.advice.startswith("let the server compress it")
    assert "download_slow" not in findings


def test_uncompressed_because_it_was_not_asked_for() -> None:
    """If the request had no Accept-Encoding, the server is not to blame."""
    one = found(Attempt(BODY, body_received=1_200_000, headers=JSON))["uncompressed_large_body"]
    assert "the request had no Accept-Encoding" in one.advice


@pytest.mark.parametrize(
    ("headers", "size"),
    [
        (JSON, 99_999),
        (JSON | {"Content-Encoding": "gzip"}, 1_200_000),
        ({"Content-Type": "image/jpeg"}, 1_200_000),
        ({"Content-Type": "text/event-stream"}, 1_200_000),
        ({}, 1_200_000),
    ],
)
def test_uncompressed_large_body_nearly(headers: dict[str, str], size: int) -> None:
    """What is small, compressed, no text, or a stream of events is left alone."""
    body = Attempt(BODY, body_received=size, headers=headers)
    assert "uncompressed_large_body" not in found(body)


def test_a_server_that_sends_slowly_is_not_uncompressed() -> None:
    """150 kB in 30 s are no question of size: the server sends them when it has them."""
    slow = Attempt(BODY | {"receive": 30_000}, body_received=150_000, headers=JSON)
    findings = found(slow)
    assert "uncompressed_large_body" not in findings
    assert findings["download_slow"].seconds == 30.0


def test_download_slow() -> None:
    """A body took long; segments out of order hint at loss."""
    body = Attempt(BODY, body_received=500_000, receive_late_ns=500 * MS)
    body.kernel_before = kernel(rcv_ooopack=3)
    body.kernel, body.kernel_later = kernel(rcv_ooopack=3), kernel(rcv_ooopack=15)
    one = found(body)["download_slow"]
    assert one.seconds == 1.5
    assert one.evidence == (
        "500 kB came in 1.50 s: 333 kB/s; 12 segments came out of order, as after a loss"
    )


def test_download_slow_nearly() -> None:
    """20 ms are not slow, and a stream of events lasts by intention."""
    assert "download_slow" not in found(Attempt(BODY | {"receive": 20}, body_received=500_000))
    events = {"Content-Type": "text/event-stream"}
    assert "download_slow" not in found(Attempt(BODY, body_received=500, headers=events))
    assert "download_slow" not in found(Attempt(BODY, body_received=0))
