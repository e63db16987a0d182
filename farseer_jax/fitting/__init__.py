"""Entry points, and what a fit is: as object, text and file."""
