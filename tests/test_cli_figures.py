"""``--save``: a command's result as a figure."""

from pathlib import Path

import pytest
from commands import farseer, refused

import farseer_jax as fj

INFLUENCE = ("influence", "--example", "--at", "25.1e9,5e11")


@pytest.fixture(scope="module")
def found(example: fj.Fit) -> fj.Influence:
    return fj.influence(example, (25.1e9, 5e11))


@pytest.fixture
def influence(monkeypatch: pytest.MonkeyPatch, example: fj.Fit, found: fj.Influence) -> None:
    """``farseer influence`` computes nothing anew."""
    monkeypatch.setattr(fj, "fit", lambda *_, **__: example)
    monkeypatch.setattr(fj, "influence", lambda *_, **__: found)


@pytest.mark.parametrize(
    ("ending", "begins"), [("png", b"\x89PNG"), ("pdf", b"%PDF"), ("SVG", b"<?xml")]
)
@pytest.mark.usefixtures("influence")
def test_the_ending_says_which_kind(folder: Path, ending: str, begins: bytes) -> None:
    result = farseer(*INFLUENCE, "--save", f"figure.{ending}")
    assert result.exit_code == 0
    assert (folder / f"figure.{ending}").read_bytes().startswith(begins)
    assert result.stderr.endswith(f"Figure written to figure.{ending}\n")
    assert [path.name for path in folder.iterdir()] == [f"figure.{ending}"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("--save figure.jpg", "expected a file that ends in .png, .pdf or .svg"),
        ("--save nowhere/figure.png", "there is no folder 'nowhere'"),
        ("--save a.svg --json a.svg", "--save and another option name the same file 'a.svg'"),
    ],
)
def test_refusals_come_before_anything_is_computed(
    folder: Path, options: str, sentence: str
) -> None:
    refused(farseer(*INFLUENCE, *options.split()), sentence)
    assert not list(folder.iterdir())
