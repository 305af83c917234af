"""Why a request took long: rules over its timeline, each a pure function."""
