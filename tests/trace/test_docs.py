"""The pages about events name what exists, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import httptrace
from httptrace.trace.events import EVENTS

TRACING = (Path(__file__).parents[2] / "docs" / "tracing.md").read_text()


def test_every_span_is_named() -> None:
    """The page about listening names each kind of span."""
    paragraph = next(p for p in TRACING.split("\n\n") if p.startswith("`on_span_start`"))
    listed = set(re.findall(r"`(\w+)`", paragraph.partition("A\nspan has")[0]))
    assert listed - {"on_span_start", "on_span_end"} == {e.span for e in EVENTS if e.span}


def test_signals_and_data_exist() -> None:
    """Each row of "Where to look" names a signal, and fields of its event."""
    fields = {event.signal: {field.name for field in event.fields} for event in EVENTS}
    section = TRACING.partition("## Where to look")[2].partition("\n## ")[0]
    rows = [line.split("|")[2:4] for line in section.splitlines() if line.startswith("| ")][2:]
    assert len(rows) > 10
    for signals, data in rows:
        signal, *_ = re.findall(r"`(\w+)`", signals)
        named = set(re.findall(r"`(\w+)`", data.partition(";")[0]))
        assert named <= fields[signal], signal


def test_signals_on_the_page_exist() -> None:
    """Every signal on the page is one of `TraceConfig`."""
    config = httptrace.TraceConfig()
    for name in re.findall(r"`(on_[a-z]+_\w+)`", TRACING):
        assert hasattr(config, name) or hasattr(httptrace.Observer, name), name
