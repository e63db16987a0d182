"""What a build draws is kept for the next one, until its code or the package changes."""

import hashlib
import shutil
import sys
from collections.abc import Callable

from notebooks import builder


def kept(name: str, code: str, make: Callable[[], dict[str, bytes]]) -> dict[str, bytes]:
    """Files by name, made anew if ``code`` or any file of the package has changed."""
    key = hashlib.sha256(f"{code} {builder().package_hash()}".encode()).hexdigest()
    folder = builder().CACHE / f"{name}-{key[:16]}"
    if not folder.exists():
        sys.path.insert(0, str(builder().ROOT))  # this package, not one that is installed
        from farseer_jax.cli.jax_settings import set_up_jax

        set_up_jax()  # as the shell: quickly compiled, and compiled once
        made = make()
        for older in folder.parent.glob(f"{name}-*"):
            shutil.rmtree(older)
        folder.mkdir(parents=True)
        for file, content in made.items():
            (folder / file).write_bytes(content)
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
