"""Reports: one page with an answer, reasons for caution, and how to reproduce it."""
