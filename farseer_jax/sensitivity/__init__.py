"""What a fit owes to each of its runs: exact derivatives, and what is read off them."""
