"""What is done with many fits: comparisons."""
