"""`recorder`: sees every request of a test, and checks at its end what always holds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import httptrace
from httptrace.testing import EventRecorder


@pytest.fixture
def recorder() -> Iterator[EventRecorder]:
    """A recorder for the whole process; ask for it before what makes or ends requests.

    After the test every request must be over, and all must have kept the rules of
    `EventRecorder.check`. A test that fails on its own is not judged twice.
    """
    recorder = EventRecorder()
    httptrace.install(recorder)
    try:
        yield recorder
    finally:
        httptrace.uninstall(recorder)
    recorder.check()
