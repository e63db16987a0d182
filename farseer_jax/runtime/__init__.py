"""How computations run: NumPy to JAX and back, threads, progress."""
