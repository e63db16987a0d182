"""Loss curves with their learning-rate schedules: data structures and reading."""
