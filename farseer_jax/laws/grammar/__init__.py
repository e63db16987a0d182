"""The grammar of laws written as text. No Python is evaluated."""
