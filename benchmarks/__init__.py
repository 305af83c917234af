"""Programs that measure httptrace beside other HTTP clients: `python -m benchmarks`."""
