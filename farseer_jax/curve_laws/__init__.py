"""Laws of whole loss curves, whose input is the schedule of the learning rate."""
