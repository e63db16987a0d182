"""Tables from any source: reading, selecting rows, deriving columns; nothing about runs."""
