"""``python -m farseer_jax.cli``, the same as ``farseer``."""

from farseer_jax.cli import main

if __name__ == "__main__":
    main()
