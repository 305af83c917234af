"""One script per library. A new file here is found by its name; nothing else has to change."""
