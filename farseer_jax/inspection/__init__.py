"""What a table of runs holds, and what can be done with it."""
