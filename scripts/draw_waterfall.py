"""Draw docs/images/waterfall.svg and waterfall.txt: what the command shows of a real run.

Usage: python scripts/draw_waterfall.py. It starts two servers on ports 8080 and 8443 of loopback:
one redirects to the other, which speaks TLS, has an address that never answers and responds slowly.
"""

from __future__ import annotations

import asyncio
import html
import io
import re
import socket
from collections.abc import Iterator
from contextlib import AsyncExitStack
from itertools import groupby
from pathlib import Path

from rich.console import Console
from rich.text import Text

from httptrace import ClientSession, TCPConnector
from httptrace.cli.report import Outcome, report
from httptrace.cli.resolving import PinnedResolver
from httptrace.cli.terminal import painted
from httptrace.cli.watching import Watch
from httptrace.net.resolver import ResolveResult
from httptrace.testing import Peer, ScriptedServer, blackhole, response_bytes
from httptrace.testing.certificates import CertificateAuthority

PICTURE = Path(__file__).parent.parent / "docs" / "images" / "waterfall.svg"
COLUMNS = 88
URL = "http://shop.example:8080/orders"
TARGET = "https://api.shop.example:8443/orders"
PINS = {
    ("shop.example", 8080): ["127.0.0.1"],
    ("api.shop.example", 8443): ["127.0.0.2", "127.0.0.1"],
}
DNS_SECONDS, THINKING_SECONDS, PIECE_SECONDS, NEXT_ADDRESS_SECONDS = 0.02, 0.07, 0.015, 0.05


class SlowResolver(PinnedResolver):
    """A resolver that takes about as long as a name server nearby."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of a host."""
        await asyncio.sleep(DNS_SECONDS)
        return await super().resolve(host, port, family)


async def orders(peer: Peer) -> None:
    """Think, then send a body in pieces."""
    await peer.request()
    await asyncio.sleep(THINKING_SECONDS)
    headers = (
        ("Content-Type", "application/json"),
        ("Content-Length", "16384"),
        ("Server-Timing", "db;dur=52;desc=orders"),
    )
    head = response_bytes(200, b"", *headers, length=False)
    await peer.send(head)
    await peer.send_pieces([bytes(4096)] * 4, pause=PIECE_SECONDS)
    await peer.until_closed()


async def run() -> str:
    """Make the request; returns what the command would show of it."""
    authority = CertificateAuthority("httptrace")
    certificate = authority.issue("api.shop.example")
    async with AsyncExitStack() as stack:
        redirect = response_bytes(301, b"", ("Location", TARGET))
        await stack.enter_async_context(ScriptedServer(redirect, port=8080))
        await stack.enter_async_context(
            ScriptedServer(orders, port=8443, ssl=certificate.server_context())
        )
        stack.enter_context(blackhole("127.0.0.2", 8443))
        connector = TCPConnector(
            resolver=SlowResolver(PINS),
            ssl=authority.client_context(),
            happy_eyeballs_delay=NEXT_ADDRESS_SECONDS,
        )
        session = await stack.enter_async_context(ClientSession(connector=connector))
        watch = Watch()
        async with session.get(URL, observers=[watch]) as response:
            body = await response.read()
        return report(Outcome(URL, watch, response, len(body), "", None), COLUMNS, False, False)


def picture(text: str) -> str:
    """The text as a picture of a terminal."""
    console = Console(record=True, width=COLUMNS + 1, file=io.StringIO(), force_terminal=True)
    console.print(Text.assemble(("$ ", "dim"), (f"httptrace -L {URL}", "bold")), soft_wrap=True)
    console.print(painted(text.rstrip("\n")), soft_wrap=True)
    drawn = console.export_svg(title="httptrace", unique_id="waterfall")
    # no fonts from elsewhere: where the picture is shown they are not loaded
    drawn = re.sub(r"\s*@font-face \{.*?\}", "", drawn, flags=re.DOTALL)
    drawn = drawn.replace("Fira Code,", "").replace("Fira Code", "monospace")
    return re.sub(_TEXT, _placed, drawn)


_TEXT = (
    r'<text class="([^"]*)" x="([\d.]+)" y="([\d.]+)" textLength="[\d.]+" '
    r'clip-path="[^"]*">([^<]*)</text>'
)
_CELL = 12.2
_BLOCKS = "▏▎▍▌▋▊▉█"
_LEFT_OUT = {"▐": 0.5, "│": 0.5, "▕": 0.875}
_OPACITY = {"░": 0.45, "▒": 0.65}
_CELLS = "".join((_BLOCKS, *_LEFT_OUT, *_OPACITY))
_WORDS = re.compile(rf"[{_CELLS}]+|[^\s{_CELLS}]+(?:\s[^\s{_CELLS}]+)*")
"""Bars, and words with single spaces between them."""


def _placed(found: re.Match[str]) -> str:
    """Each word at its column, and bars as rectangles: fonts and renderers then do not matter."""
    style, left, baseline = found[1], float(found[2]), float(found[3])
    parts = []
    for word in _WORDS.finditer(html.unescape(found[4])):
        x = left + word.start() * _CELL
        if word[0][0] in _CELLS:
            parts += _rectangles(style, word[0], x, baseline)
        else:
            parts.append(
                f'<text class="{style}" x="{x:.1f}" y="{baseline}" '
                f'textLength="{len(word[0]) * _CELL:.1f}">{html.escape(word[0])}</text>'
            )
    return "".join(parts)


def _rectangles(style: str, cells: str, x: float, baseline: float) -> Iterator[str]:
    """A bar, in parts that are shaded alike."""
    for opacity, same in groupby(cells, lambda cell: _OPACITY.get(cell, 1.0)):
        part = "".join(same)
        begin = _LEFT_OUT.get(part[0], 0.0)
        last = _BLOCKS.find(part[-1]) + 1
        width = 0 if part == "│" else len(part) - begin - (1 - last / 8 if last else 0)
        yield (
            f'<rect class="{style}" x="{x + begin * _CELL:.1f}" y="{baseline - 16:.1f}" '
            f'width="{max(width * _CELL, 1.5):.1f}" height="20" fill-opacity="{opacity}"/>'
        )
        x += len(part) * _CELL


if __name__ == "__main__":
    PICTURE.parent.mkdir(exist_ok=True)
    shown = asyncio.run(run())
    PICTURE.write_text(picture(shown))
    PICTURE.with_suffix(".txt").write_text(f"$ httptrace -L {URL}\n{shown}")
