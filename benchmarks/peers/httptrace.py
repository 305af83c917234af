"""httptrace, through its session."""

from __future__ import annotations

from typing import Any

import httptrace

from .session import SessionPeer


class Ends(httptrace.Observer):
    """Does nothing at the end of each request."""

    def on_request_finish(self, event: httptrace.TraceRequestFinishParams) -> None:
        pass


class Httptrace(SessionPeer):
    module = httptrace

    def observing(self) -> dict[str, Any]:
        return {"observers": [Ends()]}


PEER = Httptrace
