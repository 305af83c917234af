"""Findings about sending a request."""

from __future__ import annotations

import pytest

from httptrace.trace.record import AddressTry

from ..built import AGAIN, MS, Attempt, kernel
from .finding import found

UPLOAD = {"queue": 1, "send": 400, "wait": 10, "receive": 1}


def test_retransmits() -> None:
    """A lost request was sent again: the time until then is lost, and is not the server's."""
    # sent at 4 ms, and again at 208 ms; the response begins at 214 ms
    lost = Attempt({"queue": 2, "send": 1, "wait": 210, "receive": 1}, served_before=1)
    lost.kernel = kernel(
        at_ms=213, total_retrans=3, last_data_sent_ns=6 * MS, last_data_recv_ns=0, min_rtt_ns=MS
    )
    lost.kernel_before = kernel(total_retrans=2)
    findings = found(lost)
    assert findings["retransmits"].seconds == 0.204
    assert findings["retransmits"].evidence == (
        "1 segment was lost on the way to the server and sent again"
    )
    assert "server_slow" not in findings


def test_retransmits_of_earlier_requests() -> None:
    """What was lost before this request is not counted again."""
    later = Attempt(AGAIN | {"wait": 210}, served_before=1)
    later.kernel = later.kernel_before = kernel(total_retrans=2, min_rtt_ns=MS)
    findings = found(later)
    assert "retransmits" not in findings
    assert findings["server_slow"].seconds == 0.209
    unknown = Attempt(AGAIN | {"wait": 210}, served_before=1)
    assert "retransmits" not in found(unknown)


def test_retransmits_of_the_first_packet() -> None:
    """A connection's first packet waits for a second before it is sent again."""
    tries = (AddressTry("192.0.2.1:80", 2 * MS, 1042 * MS, None),)
    slow = Attempt({"queue": 1, "connect": 1040, "send": 0, "wait": 40}, addresses_tried=tries)
    slow.kernel = kernel(at_ms=1081, total_retrans=2, last_data_sent_ns=40 * MS, min_rtt_ns=40 * MS)
    assert found(slow)["retransmits"].seconds == 1.0
    quick = (AddressTry("192.0.2.1:80", 2 * MS, 900 * MS, None),)
    assert slow.kernel.total_retrans == 2
    slow.addresses_tried = quick
    assert found(slow)["retransmits"].seconds == 0.0


def test_retransmits_of_an_upload() -> None:
    """Each loss costs an upload a round trip at least, and not more than it took."""
    upload = Attempt(UPLOAD, body_sent=1_000_000, served_before=1)
    upload.kernel = kernel(
        at_ms=411, total_retrans=4, last_data_sent_ns=10 * MS, min_rtt_ns=30 * MS
    )
    upload.kernel_before = kernel(total_retrans=0)
    findings = found(upload)
    assert findings["retransmits"].seconds == 0.12
    assert "upload_slow" not in findings
    upload.kernel = kernel(
        at_ms=411, total_retrans=400, last_data_sent_ns=10 * MS, min_rtt_ns=30 * MS
    )
    assert found(upload)["retransmits"].seconds == 0.4


def test_small_window() -> None:
    """The server's receive window was full for most of an upload."""
    upload = Attempt(UPLOAD, body_sent=1_000_000)
    upload.kernel = kernel(busy_ns=400 * MS, rwnd_limited_ns=300 * MS)
    findings = found(upload)
    assert findings["small_window"].seconds == 0.3
    assert "full for 300 ms of 400 ms" in findings["small_window"].evidence
    assert "upload_slow" not in findings


def test_small_window_nearly() -> None:
    """Less than half of the time, or in an earlier request: the window was not the limit."""
    upload = Attempt(UPLOAD, body_sent=1_000_000)
    upload.kernel = kernel(busy_ns=400 * MS, rwnd_limited_ns=199 * MS)
    assert "small_window" not in found(upload)
    later = Attempt(UPLOAD, body_sent=1_000_000, served_before=1)
    later.kernel = kernel(busy_ns=800 * MS, rwnd_limited_ns=500 * MS)
    later.kernel_before = kernel(busy_ns=400 * MS, rwnd_limited_ns=400 * MS)
    assert "small_window" not in found(later)
    later.kernel_before = None
    assert "small_window" not in found(later)
    assert "upload_slow" in found(later)


def test_upload_slow() -> None:
    """A large body took long to send; the program's own part and 100 Continue are not in it."""
    upload = Attempt(UPLOAD, body_sent=1_000_000, continue_wait_ns=100 * MS)
    one = found(upload)["upload_slow"]
    assert one.seconds == 0.3
    assert one.evidence == "1.0 MB left in 300 ms: 3.3 MB/s"


def test_upload_slow_nearly() -> None:
    """A body that leaves at once, or that the program provides slowly, is no slow network."""
    assert "upload_slow" not in found(Attempt(UPLOAD, body_sent=14_600))
    assert "upload_slow" not in found(Attempt(UPLOAD | {"send": 20}, body_sent=1_000_000))
    provided = Attempt(UPLOAD, body_sent=1_000_000, providing_ns=385 * MS)
    findings = found(provided)
    assert "upload_slow" not in findings
    assert findings["slow_writer"].seconds == 0.385


def test_slow_writer() -> None:
    """What the request still waits for when it is ended counts as well."""
    ended = Attempt({"queue": 1, "send": 400}, body_sent=1_000_000, providing_ns=50 * MS, status=0)
    ended.providing_since_ns = 302 * MS
    one = found(ended)["slow_writer"]
    assert one.seconds == 0.15
    assert one.evidence == "sending waited 150 ms for the program to provide the body"
    assert "slow_writer" not in found(Attempt(UPLOAD, body_sent=1_000_000))


def test_expect_100_wait() -> None:
    """The body waited for 100 Continue; a server that never sends it costs a second."""
    waited = Attempt(UPLOAD, body_sent=10, continue_wait_ns=150 * MS)
    one = found(waited)["expect_100_wait"]
    assert (one.seconds, one.evidence) == (0.15, "the body waited 150 ms for 100 Continue")
    assert "expect100" in one.advice
    never = Attempt({"send": 1001, "wait": 5}, body_sent=10, continue_wait_ns=1000 * MS)
    assert found(never)["expect_100_wait"].evidence.endswith(", which did not come")


def test_expect_100_wait_nearly() -> None:
    """If the server refused the body, the wait has saved an upload."""
    refused = Attempt(UPLOAD, body_sent=0, continue_wait_ns=150 * MS, status=401)
    assert "expect_100_wait" not in found(refused)
    assert "expect_100_wait" not in found(Attempt(UPLOAD, body_sent=10))


def with_cookies(size: int) -> bytes:
    """The head of a request with a Cookie header of so many bytes."""
    return b"GET / HTTP/1.1\r\nHost: a\r\nCookie: " + b"c" * size + b"\r\n\r\n"


@pytest.mark.parametrize("status", [400, 431])
def test_big_cookie_header(status: int) -> None:
    """A server refused the long header: the whole request was in vain."""
    one = found(Attempt(AGAIN, head_sent=with_cookies(9_000), status=status))["big_cookie_header"]
    assert one.seconds == 0.01
    assert one.evidence == f"the Cookie header has 9.0 kB, and the server responded with {status}"
    assert "cookie_jar" in one.advice


def test_big_cookie_header_needs_round_trips() -> None:
    """Cookies that do not fit the first window cost a round trip for each one."""
    far = Attempt(AGAIN, head_sent=with_cookies(30_000), kernel=kernel(min_rtt_ns=50 * MS))
    assert found(far)["big_cookie_header"].seconds == 0.1
    wide = Attempt(AGAIN, head_sent=with_cookies(30_000), served_before=1)
    wide.kernel = kernel(min_rtt_ns=50 * MS, snd_cwnd=40, snd_mss=1_460)
    assert found(wide)["big_cookie_header"].seconds == 0


def test_big_cookie_header_nearly() -> None:
    """Cookies of less than 4 kB are usual, and what they cost is not counted otherwise."""
    assert "big_cookie_header" not in found(Attempt(AGAIN, head_sent=with_cookies(3_999)))
    assert "big_cookie_header" not in found(Attempt(AGAIN, status=431))
    fitting = Attempt(AGAIN, head_sent=with_cookies(9_000), kernel=kernel(min_rtt_ns=50 * MS))
    assert found(fitting)["big_cookie_header"].seconds == 0
