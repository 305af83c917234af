"""The table for a person and the JSON for a program."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from . import bars
from .results import Results, Table

UNITS = {
    "cpu_us": "CPU µs/request",
    "rate": "requests/s",
    "mib_s": "MiB/s",
    "cpu_us_mib": "CPU µs/MiB",
    "peak_mib": "peak growth MiB",
    "traced_bytes": "bytes traced",
    "resident_bytes": "bytes resident",
    "growth_kib": "growth KiB",
    "blocks": "blocks kept",
    "cpu_ms": "CPU ms",
    "wall_ms": "wall ms",
    "messages_s": "messages/s",
    "cpu_us_message": "CPU µs/message",
}
REFERENCES = ("aiohttp", "floor")
PACKAGES = (
    *("httptrace", "aiohttp", "pyreqwest", "httpx", "niquests", "websockets", "uvloop"),
    "httptools",
)


def number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.2f}"


def table(of: Table) -> str:
    """Draw a scenario: medians, the spread of the first figure, its ratio to the references."""
    metrics = of.metrics()
    title = f"\n{of.title}  ({of.name})"
    if not metrics:
        return "\n".join([title, *missing(of)])
    names = ["", *(UNITS.get(name, name) for name in metrics), "spread"]
    rows = [[*names, *(f"of {name}'s" for name in REFERENCES)]]
    rows += [row(of, key, metrics) for key in of.lines if of.lines[key].samples]
    return "\n".join([title, *align(rows), *missing(of)])


def row(of: Table, key: str, metrics: list[str]) -> list[str]:
    line = of.lines[key]
    spread = line.spread(metrics[0])
    return [
        key,
        *(number(line.median(metric)) for metric in metrics),
        "-" if spread is None else f"{spread:.0%}",
        *(number(share(of, metrics[0], key, name)) for name in REFERENCES),
    ]


def share(of: Table, metric: str, key: str, name: str) -> float | None:
    """Return the ratio to a reference; a growth, which may be next to nothing, has none."""
    return None if metric == "growth_kib" else of.ratio(metric, key, reference(key, name))


def reference(key: str, name: str) -> str:
    """Return the line of that name on the same loop and in the same form."""
    _, loop, *form = key.split("/")
    return "/".join([name, "uvloop" if name == "floor" else loop, *form])


def missing(of: Table) -> list[str]:
    """Return a line for each entrant that has no figures, or no more of them, and why."""
    return [f"  {key}: {line.missing}" for key, line in of.lines.items() if line.missing]


def align(rows: list[list[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *rest in rows:
        cells = (cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True))
        yield "  ".join(["  " + first.ljust(widths[0]), *cells]).rstrip()


def verdicts(results: Results) -> str:
    """Draw the bars of what was measured."""
    rows = [["bar", "seen", "limit", ""]]
    for bar in bars.ALL:
        verdict = bar.verdict(results)
        if bar.table in results:
            sign = ">=" if bar.at_least else "<="
            word = verdict.replace("FAIL", "not reached") if bar.aim else verdict
            seen, limit = number(bar.value(results)), f"{sign} {bar.limit:g}"
            rows.append([bar.text + (" (aim)" if bar.aim else ""), seen, limit, word])
    return "\n".join(["", *align(rows)])


def failures(results: Results) -> int:
    """Count the bars, not the aims, that do not hold or whose entrant could not be measured."""
    return sum(not bar.aim and bar.broken(results) for bar in bars.ALL)


def write(results: Results, path: Path, run: dict[str, Any]) -> None:
    """Write every sample, the medians and the bars as JSON."""
    document = {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "run": run,
        "machine": machine(),
        "tables": {name: picture(of) for name, of in results.items()},
        "bars": [
            {
                "text": bar.text,
                "value": bar.value(results),
                "limit": bar.limit,
                "at_least": bar.at_least,
                "aim": bar.aim,
                "verdict": bar.verdict(results),
            }
            for bar in bars.ALL
        ],
    }
    path.write_text(json.dumps(document, indent=1) + "\n")


def picture(of: Table) -> dict[str, Any]:
    return {
        "title": of.title,
        "lines": {
            key: {
                "missing": line.missing,
                "median": {metric: line.median(metric) for metric in of.metrics()},
                "samples": line.samples,
            }
            for key, line in of.lines.items()
        },
    }


def machine() -> dict[str, str]:
    """Return what the figures depend on: the interpreter, the system, the peers' versions."""
    facts = {"python": platform.python_version(), "system": platform.platform()}
    for package in PACKAGES:
        try:
            facts[package] = version(package)
        except PackageNotFoundError:
            facts[package] = "not installed"
    return facts
