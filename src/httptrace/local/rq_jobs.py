"""The ids of a request in the RQ jobs that it starts. Importing this module imports RQ."""

from __future__ import annotations

from typing import Any

from rq.job import Job

from httptrace.local.carrier import KEY, carried_ids, job_scope
from httptrace.local.logs import mark_error


class ContextJob(Job):
    """An RQ job that has the ids of the request or job which enqueued it.

    ``Queue(connection=redis, job_class=ContextJob)`` puts the request id and the trace into
    ``job.meta``. ``rq worker --job-class httptrace.local.rq_jobs.ContextJob`` runs the job in a
    scope of its own: ``request.id`` is that of the request which enqueued it, ``request.path`` the
    function's name, and ``request.trace`` a span of the request's trace. A job that was enqueued
    outside of any request or job has its job id as ``request.id``. What RQ logs while it handles
    the exception of a failed job has these ids too.
    """

    @classmethod
    def create(cls, *args: Any, **options: Any) -> Job:
        """Create the job; the parameters are those of RQ."""
        if ids := carried_ids():
            options["meta"] = {**(options.get("meta") or {}), KEY: ids}
        return super().create(*args, **options)

    def perform(self) -> Any:
        """Run the job's function, as RQ does, inside of its scope."""
        ids = self.meta.get(KEY) or carried_ids()
        with job_scope(self.func_name or "job", ids, self.id) as context:
            try:
                return super().perform()
            except BaseException as error:  # RQ handles it, and logs the failure, after this
                mark_error(error, context)
                raise
