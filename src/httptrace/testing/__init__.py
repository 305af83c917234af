"""For tests of programs that use httptrace: servers, a test client, a recorder of events.

Certificates are in `httptrace.testing.certificates`, which needs the extra ``testing``.
"""

from __future__ import annotations

from .app_server import TestServer
from .client import TestClient
from .peer import ClientGone, Ending, Peer
from .received import MalformedRequest, ReceivedRequest
from .recorder import EventRecorder
from .scripted import Script, ScriptedServer, hang, per_request, responding, response_bytes
from .unreachable import blackhole, refused_port

__all__ = [
    "ClientGone",
    "Ending",
    "EventRecorder",
    "MalformedRequest",
    "Peer",
    "ReceivedRequest",
    "Script",
    "ScriptedServer",
    "TestClient",
    "TestServer",
    "blackhole",
    "hang",
    "per_request",
    "refused_port",
    "responding",
    "response_bytes",
]
