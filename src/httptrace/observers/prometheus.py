"""`PrometheusObserver`: counters and histograms of requests and connections for Prometheus."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter
from itertools import accumulate
from typing import TYPE_CHECKING, Any
from weakref import WeakSet, ref

from ..checks import positive, several
from ..trace.declare import record_of
from .exporter import Exporter
from .phases import attempts_before, phases_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from prometheus_client.core import Metric
    from prometheus_client.registry import CollectorRegistry

    from ..trace.moments_call import TraceRequestFinishParams, TraceRequestStartParams
    from ..trace.moments_connecting import TraceConnectionClosedParams
    from ..trace.record import Record

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
"""Seconds. The buckets of OpenTelemetry's ``http.client.request.duration``."""
OTHER = "other"
"""The label of what would have been one label too many."""
_METHODS = frozenset("GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH QUERY".split())
_INSTALL = "PrometheusObserver needs prometheus-client: pip install 'httptrace[prometheus]'"


class _Histogram:
    """How many values lie in each bucket, and their sum."""

    __slots__ = ("counts", "total_ns")

    def __init__(self, size: int) -> None:
        self.counts = [0] * size
        self.total_ns = 0


class PrometheusObserver(Exporter):
    """Counts requests and connections, and measures their phases, for Prometheus.

    :param registry: where it is registered; by default prometheus-client's own.
    :param namespace: what the names of all metrics begin with.
    :param buckets: the upper bounds of the histograms' buckets, in seconds, in ascending order.
    :param max_hosts: how many hosts get a label of their own; the others share ``other``.

    Labels are the host with its port, the method (unknown ones are ``other``), the class of the
    status (``2xx``, or ``none``), and the outcome. Requests in flight and open, idle and waiting
    connections are those of the moment of the scrape. To see why idle connections are closed,
    install the observer for the process.

    Raises
    ------
    ImportError
        When prometheus-client is not installed.
    TypeError, ValueError
        When `buckets` do not ascend, or `max_hosts` is not a whole number above 0; when the
        registry has these metrics already.
    """

    def __init__(
        self,
        registry: CollectorRegistry | None = None,
        *,
        namespace: str = "httptrace",
        buckets: Iterable[float] = BUCKETS,
        max_hosts: int = 100,
    ) -> None:
        super().__init__()
        try:
            from prometheus_client import REGISTRY
        except ImportError as exc:
            raise ImportError(_INSTALL) from exc
        self.namespace, self.max_hosts = namespace, positive("max_hosts", max_hosts)
        self.buckets = tuple(several("buckets", buckets))
        if not all(isinstance(bound, int | float) for bound in self.buckets):
            raise TypeError(f"buckets must be numbers of seconds, not {self.buckets}")
        if not self.buckets or [*self.buckets] != sorted(set(self.buckets)):
            raise ValueError(f"buckets must be seconds in ascending order, not {self.buckets}")
        self._bounds_ns = [round(bound * 1e9) for bound in self.buckets]
        self._lock = threading.Lock()
        self._hosts: dict[tuple[str | None, int | None], str] = {}
        self._requests: Counter[tuple[str, str, str, str]] = Counter()
        self._started: Counter[str] = Counter()
        self._finished: Counter[str] = Counter()
        self._durations: dict[tuple[str, ...], _Histogram] = {}
        self._phases: dict[tuple[str, ...], _Histogram] = {}
        self._queued: Counter[str] = Counter()
        self._connections: dict[str, Counter[str]] = {
            kind: Counter() for kind in ("created", "reused", "failed", "closed")
        }
        self._pools: WeakSet[Any] = WeakSet()
        self._last_pool: Callable[[], Any] = lambda: None
        self._registry = REGISTRY if registry is None else registry
        self._registry.register(self)

    def close(self) -> None:
        """Remove the metrics from the registry."""
        with self._lock:
            registry, self._registry = self._registry, None  # type: ignore[assignment]
        if registry is not None:
            registry.unregister(self)

    # --- what happens ---------------------------------------------------------------------------

    def on_request_start(self, event: TraceRequestStartParams) -> None:
        """A request is in flight."""
        record = record_of(event)
        with self._lock:
            self._started[self._host(record)] += 1
        call = getattr(record, "call", None)  # not with aiohttp
        if call is not None and call.pool is not self._last_pool():
            self._pools.add(call.pool)
            self._last_pool = ref(call.pool)

    def on_request_finish(self, event: TraceRequestFinishParams) -> None:
        """A request has ended."""
        last = record_of(event)
        records = [last] if last.previous is None else attempts_before(last)
        phases_ns = phases_of(last)
        status = f"{last.status // 100}xx" if last.status else "none"
        with self._lock:
            host = self._host(records[0])
            method = last.method if last.method in _METHODS else OTHER
            self._finished[host] += 1
            self._requests[host, method, status, event.outcome] += 1
            self._observe(self._durations, (host, method), last.end_ns - records[0].start_ns)
            for phase, ns in phases_ns.items():
                self._observe(self._phases, (host, phase), ns)
            for record in records:
                self._count(record)

    def on_connection_closed(self, event: TraceConnectionClosedParams) -> None:
        """A connection was closed."""
        with self._lock:
            self._connections["closed"][event.reason or "unknown"] += 1

    def _count(self, record: Record) -> None:
        """Count an attempt's connection, and its place in the queue."""
        if record.queued is not None:
            self._queued[record.queued.limit] += 1
        if record.served_before:
            kind = "reused"
        elif record.send_ns:
            kind = "created"
        elif record.marks is not None and record.exception is not None:
            kind = "failed"
        else:
            return
        self._connections[kind][self._host(record)] += 1

    def _host(self, record: Record) -> str:
        url = record.url
        key = (url.host, url.port)
        known = self._hosts.get(key)
        if known is None:
            if len(self._hosts) >= self.max_hosts:
                return OTHER
            host = f"[{url.host}]" if url.host and ":" in url.host else url.host or ""
            known = self._hosts[key] = f"{host}:{url.port}"
        return known

    def _observe(self, known: dict[tuple[str, ...], _Histogram], key: Any, ns: int) -> None:
        histogram = known.get(key)
        if histogram is None:
            histogram = known[key] = _Histogram(len(self._bounds_ns) + 1)
        histogram.counts[bisect_left(self._bounds_ns, ns)] += 1
        histogram.total_ns += ns

    # --- what Prometheus asks for ---------------------------------------------------------------

    def describe(self) -> Iterator[Metric]:
        """The metrics' names, so that a second observer is refused at once."""
        return self.collect()

    def collect(self) -> Iterator[Metric]:
        """The metrics of this moment; prometheus-client calls this."""
        with self._lock:
            metrics = [
                *self._of_requests(),
                *self._of_connections(),
            ]
        yield from metrics
        yield from self._of_pools()

    def _of_requests(self) -> Iterator[Metric]:
        labels = ["host", "method", "status", "outcome"]
        yield self._counter("requests", "Requests that have ended.", labels, self._requests)
        text = "Seconds from a request's start to its end."
        yield self._histogram("request_duration", text, ["host", "method"], self._durations)
        text = "Seconds of each phase of a request, summed over its attempts."
        yield self._histogram("request_phase", text, ["host", "phase"], self._phases)
        flying = {(host,): count - self._finished[host] for host, count in self._started.items()}
        yield self._gauge("requests_in_flight", "Requests that have not ended.", ["host"], flying)

    def _of_connections(self) -> Iterator[Metric]:
        text = "Requests that waited for a connection, by the limit that was reached."
        yield self._counter("requests_queued", text, ["limit"], _keyed(self._queued))
        for kind, text, label in (
            ("created", "Connections that were opened.", "host"),
            ("reused", "Times that an idle connection was used again.", "host"),
            ("failed", "Connections that could not be opened.", "host"),
            ("closed", "Connections that were closed, by the reason.", "reason"),
        ):
            counts = _keyed(self._connections[kind])
            yield self._counter(f"connections_{kind}", text, [label], counts)

    def _of_pools(self) -> Iterator[Metric]:
        stats = [pool.stats() for pool in [*self._pools] if not pool.closed]
        for name, text, value in (
            ("connections_open", "Open connections.", sum(one.open for one in stats)),
            (
                "connections_idle",
                "Open connections without a request.",
                sum(one.idle for one in stats),
            ),
            (
                "requests_waiting",
                "Requests that wait for a connection.",
                sum(one.waiting for one in stats),
            ),
        ):
            yield self._gauge(name, text, [], {(): value})

    def _counter(self, name: str, text: str, labels: list[str], counts: Any) -> Metric:
        from prometheus_client.core import CounterMetricFamily

        family = CounterMetricFamily(f"{self.namespace}_{name}", text, labels=labels)
        for key, count in counts.items():
            family.add_metric(key, count)
        return family

    def _gauge(self, name: str, text: str, labels: list[str], values: Any) -> Metric:
        from prometheus_client.core import GaugeMetricFamily

        family = GaugeMetricFamily(f"{self.namespace}_{name}", text, labels=labels)
        for key, value in values.items():
            family.add_metric(key, value)
        return family

    def _histogram(
        self, name: str, text: str, labels: list[str], known: dict[tuple[str, ...], _Histogram]
    ) -> Metric:
        from prometheus_client.core import HistogramMetricFamily

        full = f"{self.namespace}_{name}_seconds"
        family = HistogramMetricFamily(full, text, labels=labels)
        bounds = [*map(str, map(float, self.buckets)), "+Inf"]
        for key, histogram in known.items():
            sums = [*zip(bounds, accumulate(histogram.counts), strict=True)]
            family.add_metric(key, sums, histogram.total_ns / 1e9)
        return family


def _keyed(counts: Counter[str]) -> dict[tuple[str], int]:
    return {(key,): count for key, count in counts.items()}
