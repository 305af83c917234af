"""A `TraceConfig` that listens to everything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httptrace
from httptrace.trace.events import EVENTS

SIGNALS = [event.signal for event in EVENTS]


def listening(hear: Callable[[str, Any, Any, Any], Any], **options: Any) -> httptrace.TraceConfig:
    """A TraceConfig that calls `hear` with the name of every signal."""
    config = httptrace.TraceConfig(**options)

    def callback(name: str) -> Any:
        async def heard(session: Any, context: Any, params: Any) -> None:
            hear(name, session, context, params)

        return heard

    for event in EVENTS:
        getattr(config, event.signal).append(callback(event.name))
    return config
