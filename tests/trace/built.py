"""Timelines that are built, not measured: their times are exact."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from httptrace.trace.loop_lag import LoopBlock
from httptrace.trace.record import Phase, Record, TlsFacts
from httptrace.trace.tcp_info import TcpInfo
from httptrace.trace.timeline import Timeline

MS = 1_000_000
ADDRESS = "http://example.org/things"
TLS = TlsFacts("TLSv1.3", "TLS_AES_256_GCM_SHA384", "http/1.1", False, "example.org", "2030-01-31")


class Attempt(Record):
    """An attempt whose times are given in milliseconds, by phase; it begins at 1 ms.

    The other facts are attributes of the record, or of what it belongs to.
    """

    def __init__(
        self,
        phases: Mapping[Any, float] | Sequence[tuple[Any, float]],
        *,
        start: float = 0,
        headers: dict[str, str] | None = None,
        url: str = ADDRESS,
        connection: int | None = 1,
        proxy: str | None = None,
        blocks: tuple[LoopBlock, ...] = (),
        **facts: Any,
    ) -> None:
        super().__init__()
        self._headers, self._url, self._connection_id = headers or {}, URL(url), connection
        self._proxy, self._blocks = None if proxy is None else URL(proxy), blocks
        self.method, self.status, self.reason_phrase = "GET", 200, "OK"
        self.head_sent, self.bytes_received = bytes(100), 2000
        now = self.start_ns = int((start + 1) * MS)
        for phase, ms in phases.items() if isinstance(phases, Mapping) else phases:
            self._begin(phase, now)
            now += int(ms * MS)
        self.end_ns = now
        self.network_wait_ns = now - self.head_ns
        for name, value in facts.items():
            setattr(self, name, value)

    def _begin(self, phase: Phase, now: int) -> None:
        if phase in ("dns", "connect", "tls") or (phase == "queue" and self.marks):
            self.marks = [*(self.marks or []), (phase, now)]
        elif phase == "send":
            self.send_ns = now
        elif phase == "wait":
            self.sent_ns = now
        elif phase == "receive":
            self.first_byte_ns = self.head_ns = now

    @property
    def url(self) -> URL:
        return self._url

    @property
    def response_headers(self) -> CIMultiDictProxy[str]:
        return CIMultiDictProxy(CIMultiDict(self._headers))

    @property
    def connection_id(self) -> int | None:
        return self._connection_id

    @property
    def proxy(self) -> URL | None:
        return self._proxy

    def loop_blocks(self) -> tuple[LoopBlock, ...]:
        return self._blocks


FIRST: dict[Phase, float] = {
    "queue": 10,
    "dns": 20,
    "connect": 15,
    "tls": 25,
    "send": 5,
    "wait": 20,
    "receive": 5,
}
AGAIN: dict[Phase, float] = {"queue": 2, "send": 1, "wait": 6, "receive": 1}


def timeline_of(*attempts: Attempt) -> Timeline:
    """The timeline of attempts that followed each other."""
    for number, (before, after) in enumerate(pairwise(attempts), 2):
        after.previous, after.attempt = before, number
    return Timeline(attempts[-1])


def kernel(*, at_ms: float = 0, **fields: int) -> TcpInfo:
    """What the kernel says of a connection; the fields that are not given are 0."""
    raw = bytearray(256)
    for name, value in fields.items():
        field = vars(TcpInfo)[name]
        place = slice(field._offset, field._end)
        raw[place] = (value // field.unit).to_bytes(field._end - field._offset, sys.byteorder)
    return TcpInfo(bytes(raw), int((at_ms + 1) * MS))
