"""What all results share: numbers as people write them, tables, files."""
