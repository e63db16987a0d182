"""Refuse a wheel or an sdist that contains anything but the project's own files."""

import re
import sys
import tarfile
import zipfile

MOST_BYTES = 8 << 20
IN_WHEEL = re.compile(
    r"farseer_jax/([a-z0-9_]+/)*([a-z0-9_]+\.(pyi?|html|css|js)|py\.typed|checksums/[a-z_]+\.txt)"
    r"|farseer_jax-[^/]+\.dist-info/.+"
)
IN_SDIST = re.compile(
    r"farseer_jax/([a-z0-9_]+/)*([a-z0-9_]+\.(pyi?|html|css|js)|py\.typed|checksums/[a-z_]+\.txt)"
    r"|tests/[a-z0-9_]+\.(py|json)"
    r"|(benchmarks|notebooks|docs)/.+\.(py|md|json|ipynb|css|js|svg|png|webp|html)"
    r"|[A-Z]+\.md|CITATION\.cff|LICENSE|mkdocs\.yml|pyproject\.toml|PKG-INFO|\.gitignore"
)


def members(path: str) -> dict[str, int]:
    """Names of the files in a distribution, as in the repository, with their sizes."""
    if path.endswith(".whl"):
        with zipfile.ZipFile(path) as wheel:
            return {own.filename: own.file_size for own in wheel.infolist()}
    with tarfile.open(path) as sdist:
        files = [own for own in sdist.getmembers() if not own.isdir()]
        return {own.name.partition("/")[2]: own.size for own in files}


def problems(path: str) -> list[str]:
    """What is wrong with a distribution."""
    found, allowed = members(path), IN_WHEEL if path.endswith(".whl") else IN_SDIST
    others = [name for name in found if not allowed.fullmatch(name)]
    size = sum(found.values())
    large = [f"{size:,} bytes, more than {MOST_BYTES:,}"] if size > MOST_BYTES else []
    missing = [n for n in ("farseer_jax/__init__.pyi", "farseer_jax/py.typed") if n not in found]
    return [*(f"unexpected {n}" for n in others), *(f"no {n}" for n in missing), *large]


if __name__ == "__main__":
    failed = False
    for own in sys.argv[1:]:
        wrong = problems(own)
        failed |= bool(wrong)
        print(f"{own.rpartition('/')[2]}: {len(members(own))} files", *wrong, sep="\n  ")
    sys.exit(failed)
