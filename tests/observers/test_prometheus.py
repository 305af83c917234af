"""What Prometheus scrapes: exact counts after known requests, and bounded labels."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import httptrace
from httptrace import PrometheusObserver
from httptrace.testing.scripted import ScriptedServer

prometheus_client = pytest.importorskip(
    "prometheus_client", reason="prometheus-client is not installed"
)
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


class Scraped:
    """An observer with a registry of its own, and its metrics as Prometheus reads them."""

    def __init__(self, **options: Any) -> None:
        self.registry = prometheus_client.CollectorRegistry()
        self.observer = PrometheusObserver(self.registry, **options)

    @property
    def text(self) -> str:
        """The text that is served."""
        text: bytes = prometheus_client.generate_latest(self.registry)
        return text.decode()

    def samples(self) -> Samples:
        """Each sample, as Prometheus's own parser reads it."""
        from prometheus_client.parser import text_string_to_metric_families

        return {
            (sample.name.removeprefix("httptrace_"), frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(self.text)
            for sample in family.samples
        }

    def of(self, name: str) -> dict[tuple[str, ...], float]:
        """The samples of one name, by the values of their labels in the order of their names."""
        return {
            tuple(value for _, value in sorted(labels)): number
            for (known, labels), number in self.samples().items()
            if known == name
        }


async def get(session: httptrace.ClientSession, url: str) -> None:
    """Get a URL; failures are expected."""
    try:
        async with session.get(url) as response:
            await response.read()
    except httptrace.ClientError:
        pass


async def test_requests(server: ScriptedServer, unused_tcp_port: int) -> None:
    """Requests are counted by host, method, outcome and class of status."""
    scraped, host = Scraped(), f"127.0.0.1:{server.port}"
    refused = f"127.0.0.1:{unused_tcp_port}"
    async with httptrace.ClientSession(observers=[scraped.observer]) as session:
        for path in ("/", "/", "/moved", "/cut"):
            await get(session, server.url + path)
        await get(session, f"http://{refused}/")
        await (await session.request("BREW", server.url)).read()
    assert scraped.of("requests_total") == {
        (host, "GET", "completed", "2xx"): 3,
        (host, "GET", "failed", "2xx"): 1,
        (refused, "GET", "failed", "none"): 1,
        (host, "other", "completed", "2xx"): 1,
    }
    assert scraped.of("connections_created_total") == {(host,): 2}
    assert scraped.of("connections_reused_total") == {(host,): 5 - 1}
    assert scraped.of("connections_failed_total") == {(refused,): 1}
    assert scraped.of("requests_in_flight") == {(host,): 0, (refused,): 0}


async def test_histograms(server: ScriptedServer) -> None:
    """The histograms have the sums of the timelines, and their buckets ascend to the count."""
    scraped, host = Scraped(buckets=[1e-6, 10]), f"127.0.0.1:{server.port}"
    with httptrace.record() as recording:
        async with httptrace.ClientSession(observers=[scraped.observer]) as session:
            for path in ("/", "/", "/moved"):
                await get(session, server.url + path)
    timelines = recording.timelines
    total = sum(timeline.total for timeline in timelines)
    assert scraped.of("request_duration_seconds_sum") == pytest.approx({(host, "GET"): total})
    assert scraped.of("request_duration_seconds_bucket") == {
        (host, "1e-06", "GET"): 0,
        (host, "10.0", "GET"): 3,
        (host, "+Inf", "GET"): 3,
    }
    sums = {phase: sum(getattr(one, phase) for one in timelines) for phase in ("wait", "queue")}
    phases = scraped.of("request_phase_seconds_sum")
    assert {phase: phases[host, phase] for phase in sums} == pytest.approx(sums)
    assert scraped.of("request_phase_seconds_count")[host, "connect"] == 1


async def test_now(server: ScriptedServer) -> None:
    """In flight, waiting, open and idle are those of the moment of the scrape."""
    scraped, host = Scraped(), f"127.0.0.1:{server.port}"
    connector = httptrace.TCPConnector(limit=2)
    async with httptrace.ClientSession(
        connector=connector, observers=[scraped.observer]
    ) as session:
        await get(session, server.url)
        assert (scraped.of("connections_open"), scraped.of("connections_idle")) == (
            {(): 1},
            {(): 1},
        )
        tasks = [asyncio.create_task(get(session, f"{server.url}/hang")) for _ in range(5)]
        while connector.stats().open < 2 or connector.stats().waiting < 3:
            await asyncio.sleep(0.001)
        assert scraped.of("requests_in_flight") == {(host,): 5}
        assert scraped.of("requests_waiting") == {(): 3}
        assert (scraped.of("connections_open"), scraped.of("connections_idle")) == (
            {(): 2},
            {(): 0},
        )
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    assert scraped.of("requests_total")[host, "GET", "cancelled", "none"] == 5
    assert scraped.of("requests_queued_total") == {("limit",): 3}
    assert scraped.of("connections_open") == {(): 0}


async def test_closed_connections(server: ScriptedServer) -> None:
    """Connections are counted by why they were closed; idle ones if it is installed."""
    scraped = Scraped()
    httptrace.install(scraped.observer)
    try:
        async with httptrace.ClientSession() as session:
            await get(session, f"{server.url}/cut")
            await get(session, server.url)
    finally:
        httptrace.uninstall(scraped.observer)
    closed = scraped.of("connections_closed_total")
    assert closed["connector closed",] == 1 and sum(closed.values()) == 2


async def test_many_hosts(unused_tcp_port: int) -> None:
    """After as many hosts as may, the others share a label."""
    scraped = Scraped(max_hosts=3)
    async with httptrace.ClientSession(observers=[scraped.observer]) as session:
        for number in range(50):
            await get(session, f"http://127.0.0.{number + 1}:{unused_tcp_port}/")
    counts = {host: count for (host, *_), count in scraped.of("requests_total").items()}
    hosts = [f"127.0.0.{number}:{unused_tcp_port}" for number in (1, 2, 3)]
    assert counts == {**dict.fromkeys(hosts, 1), "other": 47}


def test_twice() -> None:
    """A registry has these metrics once; after `close`, or under another name, again."""
    scraped = Scraped()
    with pytest.raises(ValueError, match="Duplicated timeseries"):
        PrometheusObserver(scraped.registry)
    PrometheusObserver(scraped.registry, namespace="other").close()
    scraped.observer.close()
    scraped.observer.close()
    PrometheusObserver(scraped.registry).close()


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"buckets": [1, 1]}, "buckets must be seconds in ascending order, not (1, 1)"),
        ({"buckets": []}, "buckets must be seconds in ascending order, not ()"),
        ({"buckets": ["1"]}, "buckets must be numbers of seconds, not ('1',)"),
        ({"max_hosts": 0}, "max_hosts must be above 0, got 0"),
    ],
)
def test_bad_arguments(options: dict[str, Any], error: str) -> None:
    """A wrong argument is named."""
    with pytest.raises((TypeError, ValueError)) as caught:
        Scraped(**options)
    assert str(caught.value) == error


async def test_promtool(server: ScriptedServer) -> None:
    """Prometheus's own check has nothing to say against the metrics."""
    if (promtool := shutil.which("promtool")) is None:
        pytest.skip("promtool is not installed (Debian's package prometheus has it)")
    scraped = Scraped()
    async with httptrace.ClientSession(observers=[scraped.observer]) as session:
        await get(session, server.url)
    checked = await asyncio.to_thread(
        subprocess.run,
        [promtool, "check", "metrics"],
        input=scraped.text.encode(),
        capture_output=True,
    )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")


SCRAPING = """
global: {{scrape_interval: 1s}}
scrape_configs:
- job_name: httptrace
  static_configs: [{{targets: ['127.0.0.1:{port}']}}]
"""


async def test_real_prometheus(
    server: ScriptedServer, tmp_path: Path, unused_tcp_port_factory: Callable[[], int]
) -> None:
    """A real Prometheus scrapes the program, and answers queries with the counts."""
    if (prometheus := shutil.which("prometheus")) is None:
        pytest.skip("prometheus is not installed (Debian has a package of that name)")
    ours, its = unused_tcp_port_factory(), unused_tcp_port_factory()
    (tmp_path / "prometheus.yml").write_text(SCRAPING.format(port=ours))
    scraped = Scraped()
    httpd, thread = prometheus_client.start_http_server(ours, "127.0.0.1", scraped.registry)
    running = await asyncio.create_subprocess_exec(
        *(prometheus, f"--config.file={tmp_path}/prometheus.yml"),
        *(f"--storage.tsdb.path={tmp_path}/data", f"--web.listen-address=127.0.0.1:{its}"),
        stderr=subprocess.DEVNULL,
    )
    try:
        async with httptrace.ClientSession(observers=[scraped.observer]) as session:
            for _ in range(3):
                await get(session, server.url)
        url = f"http://127.0.0.1:{its}/api/v1/query?query=httptrace_requests_total"
        async with httptrace.ClientSession() as session, asyncio.timeout(40):
            while not (found := await queried(session, url)):
                await asyncio.sleep(0.1)
    finally:
        running.terminate()
        await running.wait()
        httpd.shutdown()
        httpd.server_close()
        thread.join()
    (series,) = found
    assert series["metric"]["host"] == f"127.0.0.1:{server.port}"
    assert (series["metric"]["status"], series["value"][1]) == ("2xx", "3")


async def queried(session: httptrace.ClientSession, url: str) -> list[dict[str, Any]]:
    """The series of a query; none while Prometheus starts."""
    try:
        async with session.get(url) as response:
            result: list[dict[str, Any]] = (await response.json())["data"]["result"]
            return result
    except (httptrace.ClientError, ValueError):
        return []


async def test_over_aiohttp(server: ScriptedServer) -> None:
    """Requests of aiohttp's own sessions count as well."""
    aiohttp = pytest.importorskip("aiohttp", reason="aiohttp is not installed")
    scraped, host = Scraped(), f"127.0.0.1:{server.port}"
    config = scraped.observer.trace_config()
    async with aiohttp.ClientSession(trace_configs=[config]) as session:
        for _ in range(2):
            async with session.get(server.url) as response:
                await response.read()
    assert scraped.of("requests_total") == {(host, "GET", "completed", "2xx"): 2}
    assert scraped.of("connections_created_total") == {(host,): 1}
    assert scraped.of("connections_reused_total") == {(host,): 1}
