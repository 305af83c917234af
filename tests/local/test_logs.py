from __future__ import annotations

import asyncio
import io
import logging
import logging.config
import logging.handlers
import pickle
import queue
import socket
import subprocess
import sys
import time
import types
from collections.abc import Iterator

import pytest

from httptrace.local import (
    LogConfiguration,
    RequestIdLoggingFilter,
    bind,
    configure_logging,
    job_context,
    logs,
    request,
)

log = logging.getLogger("app.db")


@pytest.fixture(autouse=True)
def clean_root() -> Iterator[None]:
    """Each test starts and ends with pytest's root logger."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    root.handlers = []
    yield
    for handler in root.handlers:
        handler.close()
    root.handlers, logs._installed = handlers, None
    root.setLevel(level)


class ToText(LogConfiguration):
    """Writes to a string that the test can read."""

    def __init__(self) -> None:
        super().__init__()
        self.stream = io.StringIO()

    def get_log_handler(self, debug: bool) -> logging.Handler:
        return logging.StreamHandler(self.stream)

    @property
    def lines(self) -> list[str]:
        return self.stream.getvalue().splitlines()


def test_a_line_names_service_path_and_id():
    """The default format has the service's name, the path and the id."""
    configuration = ToText()
    configure_logging("shop", debug=False, logconf=configuration)
    with job_context("nightly", id="abc"):
        log.info("hello %s", "world")
    log.warning("outside")
    assert configuration.lines == [
        "shop: [nightly#abc] INFO - hello world",
        "shop: [#] WARNING - outside",
    ]


def test_twice_called_is_once_configured():
    """The second call replaces the handler of the first; others stay."""
    before = list(logging.getLogger().handlers)
    first, second = ToText(), ToText()
    configure_logging("one", debug=False, logconf=first)
    configure_logging("two", debug=False, logconf=second)
    configure_logging("two", debug=False, logconf=second)
    log.info("hello")
    assert first.lines == []
    assert second.lines == ["two: [#] INFO - hello"]
    assert [each for each in logging.getLogger().handlers if each not in before] == [
        logs._installed
    ]
    assert all(each in logging.getLogger().handlers for each in before)


def test_an_import_adds_no_handler():
    """Importing the modules does not change the root logger."""
    source = (
        "import logging, httptrace.local.json_logs, httptrace.local.log_bridges;"
        "assert logging.getLogger().handlers == []"
    )
    environment = {"PYTHONPATH": ":".join(sys.path)}
    subprocess.run([sys.executable, "-c", source], check=True, env=environment)


def test_debug_decides_the_level():
    """With debug the root logger's level is DEBUG, otherwise INFO."""
    configure_logging("a", debug=True, logconf=ToText())
    assert logging.getLogger().level == logging.DEBUG
    configure_logging("a", debug=False, logconf=ToText())
    assert logging.getLogger().level == logging.INFO


def test_each_piece_can_be_overridden_alone():
    """A subclass that overrides one method keeps the others."""

    class Quiet(ToText):
        format = "{} %(message)s"

        def get_logging_level(self, debug: bool) -> int:
            return logging.ERROR

    configuration = Quiet()
    configure_logging("shop", logconf=configuration)
    log.warning("no")
    log.error("yes")
    assert configuration.lines == ["shop yes"]


def test_a_class_is_taken_for_its_instance():
    """logconf may be the class."""
    handler = configure_logging("shop", logconf=LogConfiguration)
    assert isinstance(handler, logging.StreamHandler)


def test_something_else_is_refused():
    """logconf of another type raises TypeError."""
    with pytest.raises(TypeError, match="logconf must be a LogConfiguration, not dict"):
        configure_logging("shop", logconf={"a": 1})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("argv", "name"),
    [("/usr/bin/shop.py", "shop"), ("/x/shop/__main__.py", "shop"), ("", "python")],
)
def test_the_name_falls_back_to_the_program(monkeypatch, argv, name):
    """Without a name, the program's name is used."""
    monkeypatch.setattr(sys, "argv", [argv])
    assert LogConfiguration().service_name == name


def test_the_name_falls_back_to_the_process_title(monkeypatch):
    """If setproctitle is in use, its title is used before the program's name."""
    module = types.ModuleType("setproctitle")
    module.getproctitle = lambda: "shop worker 1"
    monkeypatch.setitem(sys.modules, "setproctitle", module)
    assert LogConfiguration().service_name == "shop worker 1"
    assert LogConfiguration("named").service_name == "named"


def test_a_name_with_signs_of_formats_is_taken_literally():
    """Braces, percent signs and line breaks in a name are harmless."""
    configuration = ToText()
    configure_logging("{100%}\n", debug=False, logconf=configuration)
    log.info("hello")
    assert configuration.lines == ["{100%}_: [#] INFO - hello"]


def test_extra_is_never_overwritten():
    """Values in extra are kept."""
    configuration = ToText()
    configure_logging("shop", debug=False, logconf=configuration)
    with job_context("nightly", id="abc"):
        log.info("hello", extra={"request_id": "mine"})
    assert configuration.lines == ["shop: [nightly#mine] INFO - hello"]


def test_the_filter_passes_a_logger_and_its_children():
    """The name given to the filter works as in logging.Filter."""
    passes = RequestIdLoggingFilter("app")
    assert passes.filter(logging.makeLogRecord({"name": "app.db"}))
    assert not passes.filter(logging.makeLogRecord({"name": "other"}))


def test_trace_and_span_are_there():
    """Records have the ids of the trace."""
    record = logging.makeLogRecord({})
    with job_context("nightly"):
        RequestIdLoggingFilter().filter(record)
        assert record.trace_id == request.trace.trace_id
        assert record.span_id == request.trace.span_id


async def test_through_a_queue_the_values_are_those_of_the_task():
    """With a QueueHandler records get the ids where they are made, not where they are written."""
    written = queue.SimpleQueue()
    target = ToText()

    class Queued(LogConfiguration):
        def get_log_handler(self, debug: bool) -> logging.Handler:
            return logging.handlers.QueueHandler(written)

        def get_formatter(self) -> logging.Formatter:
            return logging.Formatter("%(message)s")

    configure_logging("shop", logconf=Queued())
    output = target.get_log_handler(True)
    output.setFormatter(target.get_formatter())
    for each in target.get_filters():
        output.addFilter(each)
    listener = logging.handlers.QueueListener(written, output)

    async def work(number: int) -> None:
        with job_context("job", id=str(number)):
            await asyncio.sleep(0)
            log.info("number %d", number)

    await asyncio.gather(*(work(number) for number in range(20)))
    with job_context("listener", id="wrong"):
        listener.start()
        listener.stop()
    assert sorted(line.partition(": ")[2] for line in target.lines) == sorted(
        f"[job#{number}] INFO - number {number}" for number in range(20)
    )


def test_an_error_that_is_logged_later_names_its_work():
    """A record about an exception has the ids of the work in which it was raised."""
    configuration = ToText()
    configure_logging("shop", debug=False, logconf=configuration)
    error = KeyError()
    with job_context("nightly", id="abc") as context:
        logs.mark_error(error, context)
    log.error("failed", exc_info=error)
    assert configuration.lines[0] == "shop: [nightly#abc] ERROR - failed"


def test_lines_that_are_written_while_an_error_is_handled_name_its_work():
    """In an except block it is that of the exception, unless the line belongs to work itself."""
    configuration = ToText()
    configure_logging("shop", debug=False, logconf=configuration)
    try:
        with job_context("nightly", id="abc") as context:
            error = KeyError()
            logs.mark_error(error, context)
            raise error
    except KeyError:
        log.error("failed")
        with job_context("cleaning", id="def"):
            log.info("cleaning up")
    log.info("done")
    assert configuration.lines == [
        "shop: [nightly#abc] ERROR - failed",
        "shop: [cleaning#def] INFO - cleaning up",
        "shop: [#] INFO - done",
    ]


def test_syslog_is_used_where_there_is_one(tmp_path):
    """Without debug, records are sent to the first syslog socket that accepts them."""
    path = tmp_path / "log"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(path))

        class Local(LogConfiguration):
            syslog_addresses = (str(tmp_path / "absent"), str(path))

        configure_logging("shop", debug=False, logconf=Local)
        with job_context("nightly", id="abc"):
            log.info("hello")
        assert b"shop: [nightly#abc] INFO - hello" in server.recv(1000)
        assert not isinstance(Local().get_log_handler(debug=True), logging.handlers.SysLogHandler)


def test_without_syslog_it_is_the_console(tmp_path):
    """If the socket is missing, not a socket or dead, records go to the console."""
    (tmp_path / "file").touch()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as dead:
        dead.bind(str(tmp_path / "dead"))

    class Local(LogConfiguration):
        syslog_addresses = tuple(str(tmp_path / name) for name in ("absent", "file", "dead"))

    handler = Local().get_log_handler(debug=False)
    assert type(handler) is logging.StreamHandler


def test_the_dictionary_configures_the_same():
    """dictConfig with as_dict_config gives the same lines as configure_logging."""
    configuration = ToText()
    configuration.name = "shop"
    logging.config.dictConfig(configuration.as_dict_config())
    with job_context("nightly", id="abc"):
        log.debug("hello")
    (line,) = configuration.lines
    assert line.partition("shop")[2] == ": [nightly#abc] DEBUG - hello"
    assert line.startswith(time.strftime("%Y-%m-"))
    assert " app.db shop: " in line


def test_the_dictionary_takes_a_level_without_a_name():
    """A level between the named ones is accepted as in configure_logging."""

    class Between(ToText):
        def get_logging_level(self, debug: bool) -> int:
            return 15

    logging.config.dictConfig(Between().as_dict_config())
    assert logging.getLogger().level == 15


def test_an_exception_that_takes_no_mark_is_let_be():
    """An exception class that refuses new attributes loses the ids, not the exception."""

    class Frozen(Exception):
        def __setattr__(self, name: str, value: object) -> None:
            raise TypeError("frozen")

    error = Frozen()
    with job_context("nightly", id="abc") as context:
        logs.mark_error(error, context)
    assert logs.request_fields(error)["request_id"] == ""


@pytest.fixture
def server_loggers() -> Iterator[None]:
    """The loggers of servers are restored after the test."""
    loggers = [logging.getLogger(name) for name in logs.ACCESS_LOGGERS]
    before = [(each, list(each.handlers), each.propagate, each.level) for each in loggers]
    yield
    for each, handlers, propagate, level in before:
        each.handlers, each.propagate = handlers, propagate
        each.setLevel(level)


@pytest.mark.usefixtures("server_loggers")
@pytest.mark.parametrize("name", logs.ACCESS_LOGGERS)
def test_access_loggers_are_taken_over_on_request(name):
    """The servers' own handlers are removed, and each record reaches our handler once."""
    server = logging.getLogger(name)
    former = logging.NullHandler()
    server.handlers, server.propagate = [former], False
    configuration = ToText()
    logging.config.dictConfig(configuration.as_dict_config(debug=False, access_loggers=True))
    server.info("GET /")
    assert len(configuration.lines) == 1
    assert former not in server.handlers


def test_lines_for_debugging_have_time_and_logger():
    """With debug a line begins with the time and the logger's name."""
    configuration = ToText()
    configure_logging("shop", debug=True, logconf=configuration)
    log.info("hello")
    (line,) = configuration.lines
    when = line.partition(" app.db ")[0]
    time.strptime(when, "%Y-%m-%d %H:%M:%S,%f")
    assert line.endswith(" app.db shop: [#] INFO - hello")


def test_a_format_of_ones_own_holds_for_debugging_too():
    """Overriding format is enough; debug_format changes only the lines for debugging."""

    class Own(ToText):
        format = "own %(message)s"

    class Both(Own):
        debug_format = "debug %(message)s"

    for kind, debug, line in [
        (Own, True, "own hello"),
        (Own, False, "own hello"),
        (Both, True, "debug hello"),
        (Both, False, "own hello"),
    ]:
        configuration = kind()
        configure_logging("shop", debug=debug, logconf=configuration)
        log.info("hello")
        assert configuration.lines == [line]


def test_lines_outside_of_work_have_the_defaults():
    """A field without a value has the configuration's default, and a format may use any of them."""

    class Own(ToText):
        format = "[%(request_id)s %(user)s] %(message)s"
        defaults = {"request_id": "-", "user": "nobody"}

    configuration = Own()
    configure_logging("shop", logconf=configuration)
    log.info("outside")
    with job_context("nightly", id="abc"):
        log.info("not bound")
        bind(user="ann")
        log.info("bound")
    log.info("given", extra={"request_id": "mine"})
    assert configuration.lines == [
        "[- nobody] outside",
        "[abc nobody] not bound",
        "[abc ann] bound",
        "[mine nobody] given",
    ]


def test_the_dictionary_can_be_pickled():
    """uvicorn pickles it for worker processes."""
    again = pickle.loads(pickle.dumps(LogConfiguration("shop").as_dict_config()))
    logging.config.dictConfig(again)
    assert isinstance(logging.getLogger().handlers[0].filters[0], RequestIdLoggingFilter)


def test_the_fields_are_empty_when_nothing_is_set():
    """Every thread and task can log without any Context."""
    record = logging.makeLogRecord({})
    assert RequestIdLoggingFilter().filter(record)
    assert (record.request_id, record.request_path, record.trace_id, record.span_id) == ("",) * 4
