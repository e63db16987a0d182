"""Is the law right, and the fit robust? Extrapolation, residuals, shape, forms, choices."""
