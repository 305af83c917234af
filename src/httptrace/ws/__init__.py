"""WebSockets (RFC 6455, RFC 7692) as aiohttp's client has them, with moments of their own."""
