"""All parameters at once, by any optimiser of first order from many starts."""
