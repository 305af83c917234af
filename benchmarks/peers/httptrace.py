"""httptrace, through its session."""

from __future__ import annotations

import httptrace

from .session import SessionPeer


class Httptrace(SessionPeer):
    module = httptrace


PEER = Httptrace
