"""Tables of training runs: named columns, checked, read from files."""
