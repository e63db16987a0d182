"""Laws of whole loss curves, whose input is the learning-rate schedule."""
