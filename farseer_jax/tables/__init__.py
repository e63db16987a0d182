"""Tables: read from anywhere, rows selected, columns derived; nothing about runs yet."""
