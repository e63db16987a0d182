"""What the residuals of a fit still hold (paper, Fig. 5)."""
