"""Findings about a request as a whole: redirects, repetitions, limits."""

from __future__ import annotations

import pytest

import httptrace
from httptrace.trace.record import Phase

from ..built import AGAIN, MS, Attempt
from .finding import found

FRESH: dict[Phase, float] = {"queue": 40, "connect": 20, "send": 1, "wait": 28, "receive": 1}


def moved(url: str, **facts: object) -> Attempt:
    """A redirect of 90 ms, 40 of them in the queue."""
    return Attempt(FRESH, url=url, status=301, **facts)  # type: ignore[arg-type]


def test_redirect_chain() -> None:
    """The way is shown without queries; what the queue took would have been taken anyway."""
    one = found(
        moved("http://shop.example/?token=s3cret", connection=1),
        moved("https://shop.example:8443/", start=90, connection=2),
        Attempt(AGAIN, start=180, url="https://www.shop.example/a?b", connection=3),
    )["redirect_chain"]
    assert one.seconds == 0.1
    assert one.evidence == (
        "2 redirects came first: http://shop.example/ → https://shop.example:8443/ → "
        "https://www.shop.example/a"
    )


def test_redirect_to_the_same_server() -> None:
    """A connection that serves the next hop as well was not made in vain."""
    last = Attempt(AGAIN, start=90, url="http://shop.example/b", served_before=1)
    assert found(moved("http://shop.example/a"), last)["redirect_chain"].seconds == 0.03


def test_redirect_chain_nearly() -> None:
    """Where a POST leads is not known before; a 3xx that is not followed is no chain."""
    posted = moved("http://shop.example/orders")
    posted.method, posted.status = "POST", 303
    assert "redirect_chain" not in found(posted, Attempt(AGAIN, start=90))
    assert "redirect_chain" not in found(Attempt(AGAIN, status=304))


def test_retried() -> None:
    """An attempt was in vain: why, and what prevents that."""
    stale = Attempt(AGAIN, status=0, served_before=1, retry_reason="stale connection")
    one = found(stale, Attempt(FRESH, start=10, connection=2))["retried"]
    assert (one.seconds, one.evidence) == (0.008, "1 attempt came first: stale connection")
    assert "keepalive_timeout" in one.advice


def test_repeated_by_a_middleware() -> None:
    """A middleware that sends the request again shows the status that it saw."""
    first = Attempt(AGAIN, status=401)
    one = found(first, Attempt(AGAIN, start=10, served_before=1))["retried"]
    assert one.evidence == "1 attempt came first: status 401"
    assert "middleware" in one.advice


def test_retried_nearly() -> None:
    """A redirect is no repetition, and one attempt is none."""
    assert "retried" not in found(Attempt(AGAIN, status=302), Attempt(AGAIN, start=10))
    assert "retried" not in found(Attempt(AGAIN, status=503))


def timed_out(name: str, limit: float) -> httptrace.TotalTimeoutError:
    """The error of a limit."""
    error = httptrace.TotalTimeoutError()
    error.timeout, error.limit = name, limit
    return error


def cut(**facts: object) -> Attempt:
    """A body of which 1.2 MB have come when the limit of 10 s fired."""
    given: dict[str, object] = {
        "headers": {"Content-Length": "10000000"},
        "body_received": 1_200_000,
        "last_data_ns": 9_990 * MS,
        "exception": timed_out("total", 10.0),
    }
    phases: dict[Phase, float] = {"queue": 1, "wait": 9, "receive": 9_990}
    return Attempt(phases, **given | facts)  # type: ignore[arg-type]


def test_limit_too_close() -> None:
    """The limit ended a body that was arriving: at what rate, and how long the whole takes."""
    findings = found(cut())
    one = findings["limit_too_close"]
    assert one.seconds == 10.0
    assert one.evidence == (
        "the limit total=10 ended it when 1.2 MB of 10 MB, which takes 83.2 s, had been received "
        "at 120 kB/s"
    )
    assert "ClientTimeout(total=...)" in one.advice
    assert "download_slow" not in findings


def test_limit_too_close_for_an_upload() -> None:
    """The same for a body that is sent."""
    phases: dict[Phase, float] = {"queue": 1, "send": 9_999}
    error = timed_out("total", 10.0)
    upload = Attempt(phases, status=0, body_sent=1_200_000, exception=error)
    evidence = found(upload)["limit_too_close"].evidence
    assert evidence == "the limit total=10 ended it when 1.2 MB had been sent at 120 kB/s"
    upload.blocked_since_ns = 2_000 * MS
    assert "limit_too_close" not in found(upload)


@pytest.mark.parametrize(
    "facts",
    [
        {"exception": timed_out("sock_read", 10.0)},
        {"exception": ConnectionResetError()},
        {"exception": None},
        {"body_received": 0},
        {"last_data_ns": 7_000 * MS},
        {"paused_ns": 6_000 * MS, "network_wait_ns": 0},
        {"status": 101},
    ],
    ids=["silence", "broken", "complete", "nothing", "stalled", "reader", "websocket"],
)
def test_limit_too_close_nearly(facts: dict[str, object]) -> None:
    """A limit that ended a stalled response, or a slow reader, was not too close."""
    assert "limit_too_close" not in found(cut(**facts))
