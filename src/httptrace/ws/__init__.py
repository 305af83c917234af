"""WebSockets (RFC 6455, RFC 7692) with the client API of aiohttp, and with events."""
