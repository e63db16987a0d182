"""The sections of a report, one per question, in the order of a decision."""
