"""Loss curves under a learning-rate schedule: what they are, and how they are read."""
