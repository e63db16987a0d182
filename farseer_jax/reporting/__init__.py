"""Reports: one page with an answer, what speaks against it, and what remakes it."""
