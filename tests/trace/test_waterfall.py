"""Waterfalls: a timeline as text, exact to the column."""

from __future__ import annotations

import asyncio

import pytest

from httptrace.trace.waterfall import draw

from .built import AGAIN, FIRST, MS, TLS, Attempt, kernel, timeline_of
from .test_waterfall_widths import edges


def drawn(*attempts: Attempt, width: int = 64) -> list[str]:
    """The lines of the waterfall of successive attempts."""
    return draw(timeline_of(*attempts), width).splitlines()


def test_whole() -> None:
    """Each phase is a line: its name, its time and its bar at its place in the request."""
    one = Attempt(FIRST, address="192.0.2.1:443", tls=TLS, why_not_reused="first")
    assert drawn(one, width=104) == [
        "GET http://example.org/things → 200 OK",
        "  new connection 1 to 192.0.2.1:443 · ↑ 100 B ↓ 2.0 KiB · TLSv1.3 TLS_AES_256_GCM_SHA384",
        "  certificate of example.org valid to 2030-01-31",
        "  queue        10.0 ms  ████████",
        "  dns          20.0 ms          ████████████████",
        "  connect      15.0 ms                          ████████████",
        "  tls          25.0 ms                                      ████████████████████",
        f"  send          5.0 ms  {' ' * 56}████",
        f"  wait         20.0 ms  {' ' * 60}████████████████",
        f"  receive       5.0 ms  {' ' * 76}████",
        "  total       100.0 ms",
    ]


def test_bars_meet() -> None:
    """A bar begins where the one before it ended, and the last one ends at the right edge."""
    lines = [line for line in drawn(Attempt(FIRST, address="a:1")) if "█" in line]
    ends = [len(line) for line in lines]
    starts = [line.index("█") for line in lines]
    assert starts[1:] == ends[:-1]
    assert ends[-1] == 64


def test_parts_of_columns() -> None:
    """A bar that begins or ends within a column shows it."""
    lines = drawn(Attempt({"queue": 10, "send": 5.5, "wait": 4.5}), width=44)
    assert [line[24:].lstrip() for line in lines[2:5]] == ["██████████", "█████▌", "▐████"]


def test_slivers() -> None:
    """A phase that is too short for a bar has the thinnest bar, within the drawing."""
    lines = drawn(Attempt({"queue": 500, "send": 0.001, "wait": 500, "receive": 0.001}))
    assert lines[3][24:] == " " * 20 + "▏"
    assert lines[5][24:] == " " * 39 + "▕"
    assert "    <0.1 ms" in lines[3]


@pytest.mark.parametrize(
    ("ms", "shown"),
    [
        (0.5, "500 µs"),
        (5, "5.000 ms"),
        (50, "50.00 ms"),
        (500, "500.0 ms"),
        (9_999, "9999.0 ms"),
        (50_000, "50.00 s"),
    ],
)
def test_units(ms: float, shown: str) -> None:
    """All times of a timeline have the unit of its total."""
    lines = drawn(Attempt({"queue": 0, "wait": ms}))
    assert lines[4] == f"  total   {shown:>12}"
    assert lines[3].startswith(f"  wait    {shown:>12}  █")


def test_hops() -> None:
    """Several hops are drawn on one time scale, each with its own total."""
    redirect = Attempt(AGAIN, status=302, reason_phrase="Found", served_before=1)
    target = Attempt(AGAIN, start=10, served_before=2, url="http://example.org/other")
    lines = drawn(redirect, target)
    assert lines[0] == f"{'GET http://example.org/things → 302 Found':55} 10.00 ms"
    assert lines[1] == "  connection 1, reused · ↑ 100 B ↓ 2.0 KiB"
    assert lines[6] == f"{'GET http://example.org/other → 200 OK':55} 10.00 ms"
    assert lines[8] == f"  queue        2.00 ms  {' ' * 20}████"
    assert lines[-2:] == [
        "  total       20.00 ms  1 redirect",
        "  why          8.00 ms  redirect_chain: 1 redirect came first: …",
    ]


def test_retry() -> None:
    """A failed attempt is shown with its error and its phase."""
    dead = Attempt(
        {"queue": 1, "send": 1, "wait": 8},
        status=0,
        served_before=1,
        retry_reason="stale connection",
        exception=ConnectionResetError(),
        bytes_received=0,
    )
    fresh = Attempt(FIRST, start=10, connection=2, why_not_reused="none idle")
    lines = drawn(dead, fresh, width=80)
    assert lines[0].startswith("GET http://example.org/things → ConnectionResetError in wait  ")
    assert lines[2] == "  sent again: stale connection"
    assert "  new connection 2, none was idle · ↑ 100 B ↓ 2.0 KiB" in lines
    assert lines[-1] == "  total       110.0 ms  1 retry"


def test_addresses() -> None:
    """Addresses that could not be connected to are shown."""
    failed = (("192.0.2.1:80", "failed: Connection refused"),)
    lines = drawn(Attempt(FIRST, addresses_failed=failed, address="192.0.2.2:80"))
    assert "  192.0.2.1:80 failed: Connection refused" in lines


def test_failures() -> None:
    """A failed request has its error and phase, after the status if there is one."""
    assert (
        "→ TimeoutError in dns"
        in drawn(
            Attempt({"queue": 1, "dns": 5}, status=0, exception=TimeoutError(), connection=None)
        )[0]
    )
    assert (
        "→ cancelled in wait"
        in drawn(Attempt({"queue": 1, "wait": 5}, status=0, exception=asyncio.CancelledError()))[0]
    )
    assert "→ 200 OK, then ValueError" in drawn(Attempt(FIRST, exception=ValueError()))[0]


def test_so_far() -> None:
    """A request that is not complete is drawn up to now."""
    lines = drawn(Attempt({"queue": 1, "wait": 1}, status=0, end_ns=0))
    assert lines[0].endswith("→ …")
    assert lines[-2].endswith("so far")
    assert "server_slow: no response came for " in lines[-1]


def test_reader() -> None:
    """If the reader took a large part of the time, a line shows how much."""
    slow = Attempt(FIRST | {"receive": 100.0}, network_wait_ns=30 * MS)
    lines = drawn(slow)
    at = lines.index(f"{'':24}30.0 ms for the network,")
    assert lines[at + 1] == f"{'':24}70.0 ms for the reader"
    assert f"{'':24}30.0 ms for the network, 70.0 ms for the reader" in drawn(slow, width=80)
    quick = Attempt(FIRST | {"receive": 100.0}, network_wait_ns=99 * MS)
    assert "reader" not in "".join(drawn(quick))


def test_late_loop() -> None:
    """The part of the wait in which the event loop was late is hatched, and the parts are told."""
    tcp = kernel(min_rtt_ns=2 * MS)
    late = Attempt(FIRST | {"wait": 80.0}, kernel=tcp, wait_late_ns=20 * MS)
    lines = drawn(late, width=104)
    at = next(number for number, line in enumerate(lines) if line.startswith("  wait"))
    assert lines[at] == f"  wait         80.0 ms  {' ' * 37}▐{'█' * 30}{'▒' * 9}▌"
    assert lines[at + 1] == (
        f"{'':24}≈ 58.0 ms for the server, 2.0 ms for the network, 20.0 ms for the event loop"
    )


def test_far_server() -> None:
    """The round trip is told if it is a good part of the wait."""
    far = Attempt(FIRST, kernel=kernel(min_rtt_ns=12 * MS))
    assert f"{'':24}≈ 8.0 ms for the server, 12.0 ms for the network" in drawn(far, width=80)
    near = Attempt(FIRST, kernel=kernel(min_rtt_ns=MS // 2))
    assert "for the server" not in "".join(drawn(near, width=80))


def test_server_timing() -> None:
    """What the server says of its time lies within the wait, the longest entry first."""
    said = 'cache;dur=1;desc="a\x1b[31m hit", db;dur=10;desc=Orders, miss, much;dur=9000'
    one = Attempt(FIRST, headers={"Server-Timing": said})
    lines = drawn(one, width=104)
    at = next(number for number, line in enumerate(lines) if line.startswith("  wait"))
    assert lines[at + 1] == f"  · much     9000.0 ms  {' ' * 60}{'░' * 16}"
    assert lines[at + 2] == f"  · db         10.0 ms  {' ' * 60}{'░' * 8} Orders"
    assert lines[at + 3].startswith("  · cache       1.0 ms  ")
    assert lines[at + 3].endswith(" a?[31m hit")


def test_bars_do_not_begin_early() -> None:
    """A bar never begins before the phase before it ends, whatever is rounded."""
    for width in range(60, 121, 7):
        for cut in range(1, 100):
            lines = drawn(Attempt({"queue": cut, "send": 0.001, "wait": 100 - cut}), width=width)
            queue, send, wait = (line[24:] for line in lines[2:5])
            assert edges(queue)[1] <= edges(send)[0]
            assert edges(queue)[1] <= edges(wait)[0]
            assert edges(send)[0] <= edges(wait)[0]


def test_secrets() -> None:
    """Credentials in URLs are masked."""
    text = "\n".join(drawn(Attempt(FIRST, url="http://me:s3cret@example.org/?token=s3cret")))
    assert "s3cret" not in text
    assert "http://***@example.org/?token=***" in text


def test_control_characters() -> None:
    """Control characters of a reason phrase do not reach the terminal."""
    assert "\x9b" not in drawn(Attempt(FIRST, reason_phrase="O\x9b2JK"))[0]


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_width(width: int) -> None:
    """No line is longer than the width; a long URL is shortened in its middle."""
    url = f"http://example.org/{'x' * 300}/end"
    lines = drawn(
        Attempt(FIRST, url=url, status=0, reason_phrase="", exception=None, tls=TLS, address="a:1"),
        Attempt(AGAIN, url=url, start=100, served_before=1),
        width=width,
    )
    assert "…" in lines[0]
    assert "/end →" in lines[0]
    assert max(map(len, lines)) <= max(width, 50)


def test_nothing_yet() -> None:
    """A request that took no time can be drawn."""
    assert drawn(Attempt({"queue": 0}))[-1] == f"  total   {'0 µs':>12}"


def test_unknown_size() -> None:
    """What nobody has counted is not shown: a response has at least a head."""
    assert drawn(Attempt(FIRST, bytes_received=0))[1] == "  new connection 1 · ↑ 100 B"


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (1, "1 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1 << 20, "1.0 MiB"),
        (5 << 40, "5120.0 GiB"),
    ],
)
def test_sizes(count: int, shown: str) -> None:
    """Bytes have a suitable unit."""
    assert f"↓ {shown}" in drawn(Attempt(FIRST, bytes_received=count))[1]
