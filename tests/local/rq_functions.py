"""Functions that an RQ worker runs."""

from __future__ import annotations

import json
import logging
import logging.config
import time
from typing import Any

from httptrace.local import current_request_id, current_trace_context, request


def tell() -> str:
    """The ids and fields that the job sees."""
    logging.getLogger("jobs").info("telling")
    trace = current_trace_context()
    told = {"id": current_request_id(), "path": request.path}
    return json.dumps({**told, "trace": trace.trace_id, "of": trace.parent_id})


def fail() -> None:
    """A job that fails."""
    raise KeyError("gone")


def failed(job: Any, *_: Any) -> None:
    """What RQ calls when a job has failed."""
    logging.getLogger("jobs").info("told of the failure of %s", job.id)


def hang() -> None:
    """A job that is stopped by its timeout."""
    time.sleep(60)
