"""Programs that were written for aiohttp, run on httptrace."""
