"""S3, DynamoDB and SQS of moto's server: objects in parts, pages, errors, a proxy over TLS."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import tempfile
from collections.abc import AsyncIterator
from typing import Any

REQUIREMENTS = ["aiobotocore", "moto[server,s3,dynamodb,sqs]", "cryptography"]
WAY = "alias"


@contextlib.asynccontextmanager
async def client(service: str, proxy: Any = None) -> AsyncIterator[Any]:
    """A client of moto's server; `proxy` makes a configuration from the server's port."""
    from aiobotocore.session import get_session
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        async with get_session().create_client(
            service,
            region_name="us-east-1",
            endpoint_url=f"http://{host}:{port}",
            aws_access_key_id="key",
            aws_secret_access_key="secret",
            config=None if proxy is None else await proxy(port),
        ) as made:
            yield made
    finally:
        server.stop()


async def test_objects_of_s3() -> None:
    """Put, read whole and in pieces, listed in pages, uploaded in parts, deleted."""
    async with client("s3") as s3:
        await s3.create_bucket(Bucket="bucket")
        for number in range(3):
            await s3.put_object(Bucket="bucket", Key=f"a {number}", Body=b"x" * 100_000)
        got = await s3.get_object(Bucket="bucket", Key="a 1")
        async with got["Body"] as body:
            assert len(await body.read(10)) == 10
            assert len(await body.read()) == 99_990
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket="bucket", MaxKeys=2)
        keys = [item["Key"] async for page in pages for item in page["Contents"]]
        assert keys == ["a 0", "a 1", "a 2"]
        upload = await s3.create_multipart_upload(Bucket="bucket", Key="big")
        where = {"Bucket": "bucket", "Key": "big", "UploadId": upload["UploadId"]}
        part = await s3.upload_part(PartNumber=1, Body=b"y" * 2**20, **where)
        parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
        await s3.complete_multipart_upload(MultipartUpload=parts, **where)
        assert (await s3.head_object(Bucket="bucket", Key="big"))["ContentLength"] == 2**20
        await s3.delete_object(Bucket="bucket", Key="big")
        try:
            await s3.get_object(Bucket="bucket", Key="big")
        except s3.exceptions.NoSuchKey:
            return
        raise AssertionError("the error was not raised")


async def test_a_table_of_dynamodb() -> None:
    """Created, written and read."""
    async with client("dynamodb") as dynamodb:
        await dynamodb.create_table(
            TableName="table",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        await dynamodb.put_item(TableName="table", Item={"id": {"S": "1"}, "a": {"N": "2"}})
        got = await dynamodb.get_item(TableName="table", Key={"id": {"S": "1"}})
        assert got["Item"]["a"] == {"N": "2"}


async def test_a_queue_of_sqs() -> None:
    """A message is sent and received."""
    async with client("sqs") as sqs:
        url = (await sqs.create_queue(QueueName="queue"))["QueueUrl"]
        await sqs.send_message(QueueUrl=url, MessageBody="hello")
        got = await sqs.receive_message(QueueUrl=url)
        assert got["Messages"][0]["Body"] == "hello"


@contextlib.asynccontextmanager
async def relay(port: int, context: ssl.SSLContext) -> AsyncIterator[tuple[str, list[Any]]]:
    """A proxy over TLS for one server; gives its URL, and the tasks of its connections."""
    served: list[Any] = []

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.append(asyncio.current_task())
        further = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(_copy(reader, further[1]), _copy(further[0], writer))

    async with await asyncio.start_server(client, "127.0.0.1", 0, ssl=context) as server:
        yield f"https://localhost:{server.sockets[0].getsockname()[1]}", served
    await asyncio.gather(*served)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()


async def test_by_a_proxy_over_tls() -> None:
    """The proxy is verified by the authority that the configuration names for it."""
    from aiobotocore.config import AioConfig

    from httptrace.testing.certificates import CertificateAuthority

    authority = CertificateAuthority()
    context = authority.issue("localhost").server_context()
    async with contextlib.AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        bundle = str(authority.save(f"{folder}/authority.pem"))
        served: list[Any] = []

        async def proxied(port: int) -> AioConfig:
            nonlocal served
            url, served = await stack.enter_async_context(relay(port, context))
            return AioConfig(
                proxies={"http": url},
                proxies_config={"proxy_ca_bundle": bundle},
                retries={"total_max_attempts": 1},
            )

        async with client("s3", proxied) as s3:
            await s3.create_bucket(Bucket="bucket")
            await s3.put_object(Bucket="bucket", Key="a", Body=b"by a proxy")
            got = await s3.get_object(Bucket="bucket", Key="a")
            assert await got["Body"].read() == b"by a proxy"
        assert served
