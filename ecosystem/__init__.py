"""Libraries that use aiohttp's client, run on httptrace: ``make ecosystem``."""
