"""What the columns and rows of a table are, and whether a fit can take them."""
