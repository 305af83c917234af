"""Reading HAR files, our own and those of other programs."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yarl import URL

from ..trace.hop import Hop
from ..trace.record import Record
from .stored import hop_from, timeline_from

if TYPE_CHECKING:
    import os

    from multidict import CIMultiDictProxy

    from ..trace.record import Phase
    from ..trace.timeline import Timeline


def load(path: str | os.PathLike[str]) -> list[Timeline]:
    """The timelines of a HAR file, in the order of their requests' ends.

    Of a file that `HarFile` wrote they are what they were, but for secrets and exceptions. An
    entry of another program, a browser for instance, is a timeline of one hop.

    Raises
    ------
    OSError
        When the file cannot be read.
    ValueError
        When it is not a HAR file.
    """
    try:
        entries = json.loads(Path(path).read_bytes())["log"]["entries"]
        return _timelines(entries)
    except (ValueError, TypeError, KeyError, AttributeError) as exc:
        what = f"no {exc}" if isinstance(exc, KeyError) else str(exc)
        raise ValueError(f"{Path(path)} is not a HAR file: {what}") from exc


def _timelines(entries: list[dict[str, Any]]) -> list[Timeline]:
    timelines: list[Timeline] = []
    for entry in entries:
        own = entry.get("_httptrace")
        if own is None:
            timelines.append(timeline_from([_foreign(entry)], None))
            continue
        hop = hop_from(own["hop"])
        if hop.attempt > 1 and timelines and timelines[-1].request_id == own["request_id"]:
            timelines[-1].hops.append(hop)
        else:
            timelines.append(timeline_from([hop], own["request_id"], own["context_id"]))
    return timelines


class _ForeignRecord(Record):
    """An entry of another program's file."""

    def __init__(self, entry: dict[str, Any], spans: list[tuple[Phase, int]]) -> None:
        super().__init__()
        from multidict import CIMultiDict, CIMultiDictProxy

        request, response = entry["request"], entry["response"]
        self.method, self._url = request["method"], URL(request["url"])
        self.status, self.reason_phrase = response["status"], response["statusText"]
        pairs = [(header["name"], header["value"]) for header in response["headers"]]
        self._headers = CIMultiDictProxy(CIMultiDict(pairs))
        self.body_sent = max(0, request["bodySize"])
        self.body_received = max(0, response["bodySize"])
        self.bytes_received = max(0, response.get("_transferSize") or 0)
        self.start_ns = round(_epoch(entry["startedDateTime"]) * 1e9)
        self.end_ns = self.start_ns + sum(ns for _, ns in spans)
        self._spans, self._address = spans, entry.get("serverIPAddress")

    def entries(self) -> Any:
        """Each phase that began, and when."""
        at_ns = self.start_ns
        for phase, ns in self._spans:
            yield phase, at_ns
            at_ns += ns

    @property
    def consumer_ns(self) -> int:
        """0: files do not tell."""
        return 0

    @property
    def url(self) -> URL:
        """The URL of the entry."""
        return self._url

    @property
    def response_headers(self) -> CIMultiDictProxy[str]:
        """The headers of the response."""
        return self._headers


def _foreign(entry: dict[str, Any]) -> Hop:
    timings = entry["timings"]
    tls = max(0, timings.get("ssl", -1))
    connect = timings.get("connect", -1)
    milliseconds: dict[Phase, float] = {
        "queue": timings.get("blocked", -1),
        "dns": timings.get("dns", -1),
        "connect": connect - tls if connect >= tls else connect,
        "tls": tls or -1,
        "send": timings["send"],
        "wait": timings["wait"],
        "receive": timings["receive"],
    }
    spans: list[tuple[Phase, int]] = [
        (phase, round(ms * 1e6)) for phase, ms in milliseconds.items() if ms >= 0
    ]
    record = _ForeignRecord(entry, spans or [("queue", 0)])
    hop = Hop(record, record.end_ns)
    if (error := entry["response"].get("_error")) is not None:
        hop._error = str(error)
    return hop


def _epoch(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
