"""Runs one case of the public suite, as its own client does."""

from __future__ import annotations

from typing import Any

import httptrace

from .suite import SuiteServer, header


class SetupFailed(AssertionError):
    """What a case presupposes does not hold: it tells nothing of its subject."""


def check(holds: bool, is_setup: bool, said: str) -> None:
    """Assert something of a case."""
    if not holds:
        raise (SetupFailed if is_setup else AssertionError)(said)


async def run_case(
    session: httptrace.ClientSession, server: SuiteServer, case: dict[str, Any], token: str
) -> None:
    """Make the requests of a case and check what came.

    Raises
    ------
    AssertionError
        If it does not pass; `SetupFailed` if what it presupposes does not hold.
    """
    server.requests, server.seen, server.token = case["requests"], [], token
    server.first_times = {}
    answers: list[tuple[int, Any]] = []
    for number, config in enumerate(case["requests"], 1):
        server.first_times[number] = server.now
        before = answers[-1][1] if answers else {}
        answers.append(await _request(session, server, case, number, before))
        if config.get("pause_after"):
            server.now += 3
    _check_server(server, case["requests"], answers)


def _is_setup(config: dict[str, Any], member: str) -> bool:
    return bool(config.get("setup")) or member in config.get("setup_tests", ())


async def _request(
    session: httptrace.ClientSession,
    server: SuiteServer,
    case: dict[str, Any],
    number: int,
    before: Any,
) -> tuple[int, Any]:
    config = case["requests"][number - 1]
    place = f"/{config['filename']}" if "filename" in config else ""
    query = f"?{config['query_arg']}" if "query_arg" in config else ""
    url = f"http://127.0.0.1:{server.port}/test/{server.token}{place}{query}"
    sent_at = int(before["Server-Now"]) / 1000 if "Server-Now" in before else server.now
    headers = [
        header(pair, sent_at, "", config) if config.get("magic_ims") else (pair[0], str(pair[1]))
        for pair in config.get("request_headers", ())
    ]
    headers += [("Test-ID", case["id"]), ("Req-Num", str(number))]
    follow = config.get("redirect") != "manual"
    try:
        async with session.request(
            config.get("request_method", "GET"),
            url,
            headers=headers,
            data=config.get("request_body"),
            allow_redirects=follow,
        ) as response:
            body = await response.text()
    except httptrace.ClientError as exc:
        check(False, _is_setup(config, "expected_type"), f"request {number}: {exc!r}")
        raise
    _check_response(case, config, number, response, body, server)
    return response.status, response.headers


def _joined(headers: Any, name: str) -> str | None:
    values = headers.getall(name, None)
    return None if values is None else ", ".join(values)


def _check_response(
    case: dict[str, Any],
    config: dict[str, Any],
    number: int,
    response: Any,
    body: str,
    server: SuiteServer,
) -> None:
    count = response.headers.get("Server-Request-Count")
    kind, is_setup = config.get("expected_type"), _is_setup(config, "expected_type")
    if kind == "cached" and not (response.status == 304 and count is None):
        check(count is not None and int(count) < number, is_setup, f"{number}: not from cache")
    if kind == "not_cached":
        check(count is not None and int(count) == number, is_setup, f"{number}: from cache")
    if "expected_status" in config:
        wanted, is_setup = config["expected_status"], _is_setup(config, "expected_status")
    elif "response_status" in config:
        wanted, is_setup = config["response_status"][0], True
    else:
        wanted, is_setup = 200, is_setup if response.status == 999 else True
    check(response.status == wanted, is_setup, f"{number}: status {response.status}, not {wanted}")
    _check_headers(config, number, response.headers, server)
    _check_body(config, number, response.status, body, server.token)


def _check_headers(config: dict[str, Any], number: int, headers: Any, server: SuiteServer) -> None:
    is_setup = _is_setup(config, "expected_response_headers")
    for wanted in config.get("expected_response_headers", ()):
        name = wanted if isinstance(wanted, str) else wanted[0]
        value = _joined(headers, name)
        if isinstance(wanted, str):
            check(value is not None, is_setup, f"{number}: no {name}")
        elif len(wanted) > 2 and wanted[1] == "=":
            check(value == _joined(headers, wanted[2]), is_setup, f"{number}: {name} is {value}")
        elif len(wanted) > 2:
            check(
                value is not None and int(value) > wanted[2], is_setup, f"{number}: {name} {value}"
            )
        else:
            then = int(headers["Server-Now"]) / 1000
            expected = header(wanted, then, headers.get("Server-Base-Url", ""), config)[1]
            check(value == expected, is_setup, f"{number}: {name} is {value}, not {expected}")
    is_setup = _is_setup(config, "expected_response_headers_missing")
    for wanted in config.get("expected_response_headers_missing", ()):
        if isinstance(wanted, str):
            check(wanted not in headers, is_setup, f"{number}: {wanted} is there")
        else:
            value = _joined(headers, wanted[0]) or ""
            check(wanted[1] not in value, is_setup, f"{number}: {wanted[0]} is {value}")


def _check_body(config: dict[str, Any], number: int, status: int, body: str, token: str) -> None:
    if config.get("check_body") is False:
        return
    if "expected_response_text" in config:
        wanted, is_setup = (
            config["expected_response_text"],
            _is_setup(config, "expected_response_text"),
        )
    elif config.get("response_body") is not None:
        wanted, is_setup = config["response_body"], True
    elif status not in (204, 304) and config.get("request_method") != "HEAD":
        wanted, is_setup = token, True
    else:
        return
    check(wanted is None or body == wanted, is_setup, f"{number}: body {body!r}, not {wanted!r}")


def _check_server(
    server: SuiteServer, requests: list[dict[str, Any]], answers: list[tuple[int, Any]]
) -> None:
    arrived = iter(server.seen)
    for number, config in enumerate(requests, 1):
        kind = config.get("expected_type")
        if kind == "cached":
            continue
        seen = next(arrived, None)
        is_setup = _is_setup(config, "expected_type")
        if kind == "not_cached":
            check(seen is not None and seen["number"] == number, is_setup, f"{number}: cached")
        condition = {"etag_validated": "if-none-match", "lm_validated": "if-modified-since"}
        if kind in condition:
            there = seen is not None and condition[kind] in seen["headers"]
            check(there, is_setup, f"{number}: not sent with {condition[kind]}")
        if seen is not None:
            _check_seen(config, number, seen, answers[number - 1][1])


def _check_seen(config: dict[str, Any], number: int, seen: dict[str, Any], headers: Any) -> None:
    is_setup = _is_setup(config, "expected_request_headers")
    for wanted in config.get("expected_request_headers", ()):
        name = (wanted if isinstance(wanted, str) else wanted[0]).lower()
        there = name in seen["headers"]
        same = isinstance(wanted, str) or seen["headers"].get(name) == wanted[1]
        check(there and same, is_setup, f"{number}: {name} was {seen['headers'].get(name)}")
    for name in dict.fromkeys(name for name, _value in seen["answered"]):
        if name.lower() == "date":
            continue
        wanted = ", ".join(value for one, value in seen["answered"] if one == name)
        check(_joined(headers, name) == wanted, True, f"{number}: {name} is not {wanted!r}")
    if "expected_method" in config:
        is_setup = _is_setup(config, "expected_method")
        check(seen["method"] == config["expected_method"], is_setup, f"{number}: another method")
