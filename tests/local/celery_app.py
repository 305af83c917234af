"""A Celery application whose messages are files in the directory that the environment names."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from celery import Celery, signals

from httptrace.local import (
    LogConfiguration,
    configure_logging,
    current_trace_context,
    instrument_celery,
    request,
)

directory = Path(os.environ["CELERY_DIRECTORY"])
app = Celery("app", broker="filesystem://", backend=f"file://{directory}")
app.conf.update(
    broker_transport_options={
        "data_folder_in": str(directory / "queue"),
        "data_folder_out": str(directory / "queue"),
        "control_folder": str(directory / "control"),
    },
    broker_connection_retry_on_startup=True,
    worker_enable_remote_control=False,
)
instrument_celery()
instrument_celery()
log = logging.getLogger("jobs")


class Configuration(LogConfiguration):
    def get_log_handler(self, debug: bool) -> logging.Handler:
        return logging.FileHandler(directory / "log")


@signals.setup_logging.connect
def set_up(**_: object) -> None:
    configure_logging("worker", debug=False, logconf=Configuration)


@app.task
def tell() -> dict[str, str]:
    """The ids and fields that the task sees."""
    log.info("telling")
    trace = current_trace_context()
    return {"id": request.id, "path": request.path, "trace": trace.trace_id, "of": trace.parent_id}


@app.task
def tell_later() -> str:
    """A task that sends another one."""
    return tell.delay().id


@app.task
def fail() -> None:
    raise KeyError("gone")
