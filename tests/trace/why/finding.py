"""What the tests of rules ask of a timeline."""

from __future__ import annotations

from tests.trace.built import Attempt, timeline_of

import httptrace
from httptrace.trace.why.ranking import all_of


def found(*attempts: Attempt) -> dict[str, httptrace.Finding]:
    """All findings about attempts that followed each other, by code, however little they cost."""
    return {one.code: one for one in all_of(timeline_of(*attempts))}
