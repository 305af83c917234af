from __future__ import annotations

import pytest

from httptrace.local import job_context, request
from httptrace.local.carrier import carried_ids, job_scope


def test_the_ids_come_out_as_they_went_in():
    """Id and trace, with the tracestate, pass through a queue."""
    with job_context("outer", id="abc"):
        request.trace = request.trace._replace(tracestate="v=1")
        trace, carried = request.trace, carried_ids()
    with job_scope("inner", carried, "job"):
        assert (request.id, request.path) == ("abc", "inner")
        assert (request.trace.trace_id, request.trace.parent_id) == (trace.trace_id, trace.span_id)
        assert request.trace.tracestate == "v=1"
    assert carried_ids() == {}


@pytest.mark.parametrize(
    "carried",
    [
        None,
        "x",
        {"request_id": "a\nb"},
        {"request_id": 5, "traceparent": None},
        {"traceparent": "x"},
    ],
)
def test_what_others_wrote_into_the_queue_is_checked(carried):
    """Invalid ids are replaced: the id by the job's, the trace by a new one."""
    with job_scope("job", carried, "1234"):
        assert (request.id, request.trace.parent_id) == ("1234", "")


def test_a_job_id_that_could_do_harm_is_replaced():
    """Without any valid id, a new one is made."""
    with job_scope("job", {}, "a b"):
        assert len(request.id) == 36
