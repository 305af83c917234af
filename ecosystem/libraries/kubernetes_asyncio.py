"""Pods are listed, created and watched, and a command runs in one over a WebSocket."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from aiohttp import web

from ecosystem.serving import serve

REQUIREMENTS = ["kubernetes_asyncio"]
WAY = "alias"


def pod(name: str) -> dict[str, Any]:
    """A pod as Kubernetes describes it."""
    return {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": name, "resourceVersion": "1"}}


async def pods(request: web.Request) -> web.StreamResponse:
    """The list, a new one, or a stream of changes."""
    if request.method == "POST":
        return web.json_response(await request.json(), status=201)
    if "watch" not in request.query:
        return web.json_response({"kind": "PodList", "apiVersion": "v1", "items": [pod("one")]})
    response = web.StreamResponse()
    await response.prepare(request)
    for name in ("one", "two"):
        event = json.dumps({"type": "ADDED", "object": pod(name)})
        await response.write(event.encode() + b"\n")
        await asyncio.sleep(0)
    return response


async def command(request: web.Request) -> web.WebSocketResponse:
    """Output, then the end."""
    websocket = web.WebSocketResponse(protocols=["v4.channel.k8s.io"])
    await websocket.prepare(request)
    await websocket.send_bytes(b"\x01" + " ".join(request.query.getall("command")).encode())
    await websocket.send_bytes(b'\x03{"status": "Success"}')
    await websocket.close()
    return websocket


async def test_pods() -> None:
    """Listed, created, watched; a command in one."""
    from kubernetes_asyncio import client, watch
    from kubernetes_asyncio.stream import WsApiClient

    handlers = {
        "/api/v1/namespaces/default/pods": pods,
        "/api/v1/namespaces/default/pods/one/exec": command,
    }
    async with serve(handlers) as url:
        configuration = client.Configuration(host=url)
        async with client.ApiClient(configuration) as api:
            core = client.CoreV1Api(api)
            listed = await core.list_namespaced_pod("default")
            assert [item.metadata.name for item in listed.items] == ["one"]
            made = await core.create_namespaced_pod("default", pod("three"))
            assert made.metadata.name == "three"
            seen = []
            async with watch.Watch().stream(
                core.list_namespaced_pod, "default", timeout_seconds=1
            ) as stream:
                async for event in stream:
                    seen.append(event["object"].metadata.name)
                    if len(seen) == 2:
                        break
            assert seen == ["one", "two"]
        async with WsApiClient(configuration) as api:
            said = await client.CoreV1Api(api).connect_get_namespaced_pod_exec(
                "one", "default", command=["echo", "hello"], stdout=True
            )
            assert said == "echo hello", said
