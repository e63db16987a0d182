"""The datasets: where they are, and what their columns mean."""

from importlib.resources import files
from typing import Final, overload

from farseer_jax.close_names import unknown_name
from farseer_jax.datasets import readers
from farseer_jax.datasets.dataset import Dataset
from farseer_jax.results.table import Column, Table


def names() -> tuple[str, ...]:
    """The names of the datasets.

    Example:
        >>> import farseer_jax as fj
        >>> "farseer" in fj.datasets.names()
        True
    """
    return tuple(sorted(CATALOGUE))


@overload
def describe(name: str) -> Dataset: ...
@overload
def describe(name: None = None) -> Table: ...
def describe(name: str | None = None) -> Dataset | Table:
    """Describe a dataset: its source, and what its N and loss count; or list all datasets.

    Args:
        name: one of :func:`names`; None lists all as a table.

    Raises:
        ValueError: the name is unknown.

    Example:
        >>> import farseer_jax as fj
        >>> print(fj.datasets.describe("complexkda").loss)
        nats per token, validation text of Nemotron-CC
        >>> len(fj.datasets.describe().to_dataframe()) == len(fj.datasets.names())
        True
    """
    if name is None:
        return _listing()
    if name not in CATALOGUE:
        raise ValueError(unknown_name("dataset", name, names()))
    return CATALOGUE[name]


def _listing() -> Table:
    """All datasets, one per row."""
    rows = [CATALOGUE[name] for name in names()]
    runs = [float("nan") if row.num_runs is None else row.num_runs for row in rows]
    return Table(
        [
            Column("name", [row.name for row in rows], left=True),
            Column("runs", runs, lambda value: "" if value != value else f"{value:,.0f}"),
            Column("N", [row.N for row in rows], left=True),
            Column("loss", [row.loss for row in rows], left=True),
            Column("licence", [row.licence for row in rows], left=True),
            Column("title", [row.title for row in rows], text=None),
            Column("D", [row.D for row in rows], text=None),
            Column("source", [row.home for row in rows], text=None),
            Column("citation", [row.citation for row in rows], text=None),
        ],
        noun="datasets",
    )


def _github(repository: str, commit: str, folder: str) -> dict[str, str]:
    """Addresses of a folder of files on GitHub, at a commit, or on a branch if none is known."""
    raw = f"https://raw.githubusercontent.com/{repository}/{commit}/{folder}"
    return {"home": f"https://github.com/{repository}", "base_url": raw}


def _checksums(file: str) -> dict[str, str]:
    """File names and their SHA-256, from a file beside this one."""
    text = files("farseer_jax.datasets").joinpath("checksums", file).read_text(encoding="utf-8")
    return dict(line.split() for line in text.splitlines())


_FARSEER: Final = _github("Farseer-Scaling-Law/Farseer", "main", "ipynb/data")
_FARSEER_PAPER: Final = "Li et al. 2025 (Predictable Scale, Part II), arXiv:2506.10972"
_BITS_PER_CHARACTER: Final = "bits per character, English validation text"
_STEP_LAW: Final = _github("step-law/steplaw", "main", "data")
_STEP_LAW_PAPER: Final = "Li et al. 2025 (Predictable Scale, Part I), arXiv:2503.04715"

_DATASETS: Final = (
    Dataset(
        name="farseer",
        title="the grid of Farseer: 25 sizes from 0.1 to 6.4 billion, D in steps of √2",
        num_runs=404,
        N="parameters without embeddings",
        D="training tokens",
        loss=_BITS_PER_CHARACTER,
        licence="none",
        citation=_FARSEER_PAPER,
        **_FARSEER,
        checksums={
            "1222_full.csv": "e50df0fb1d00b39161408db23c929b8c89f021121cac350beed581b5c8719307"
        },
        read=readers.farseer,
        note="four rows are copies; the paper fits sizes above 2e8",
    ),
    Dataset(
        name="farseer-beyond",
        title="runs of Farseer beyond its grid, one of 25.1 billion parameters",
        num_runs=7,
        N="parameters without embeddings",
        D="training tokens",
        loss=_BITS_PER_CHARACTER,
        licence="none",
        citation=_FARSEER_PAPER,
        **_FARSEER,
        checksums={
            "val_big_d_full.csv": "55fb52c1afaee08e64c8cc2a5ba9797db123d142f8274c1ee5d8c215fe9529b1"
        },
        read=readers.farseer_beyond,
        note="the paper judges its extrapolation by them: they are not for fitting",
    ),
    Dataset(
        name="farseer-bilingual",
        title="models of Farseer trained on English and Chinese",
        num_runs=None,
        N="parameters without embeddings",
        D="training tokens",
        loss=_BITS_PER_CHARACTER,
        licence="none",
        citation=_FARSEER_PAPER,
        **_FARSEER,
        checksums={
            "bilingual_full.csv": (
                "0031e96c52d82ce1de5f540005ed5b9c1a753aa0225f39b172863f9c2b58fba8"
            ),
            "bilingual_bpc.csv": "bc9fc4431a8fe7299604a338d920ebf950e68058928a0ec8306810a159ce4ae9",
        },
        read=readers.farseer_bilingual,
    ),
    Dataset(
        name="chinchilla",
        title="the runs of Hoffmann et al. (2022), Figure 4, digitised by Epoch AI",
        num_runs=245,
        N="all parameters",
        D="tokens, computed as C / 6N from the digitised C",
        loss="nats per token, training loss",
        licence="none",
        citation="Besiroglu et al. 2024, arXiv:2404.10102; Hoffmann et al. 2022, arXiv:2203.15556",
        **_github(
            "epoch-research/analyzing-chinchilla",
            "92258837425e1b5f2851d624287f0120583a3d0e",
            "data",
        ),
        checksums={
            "svg_extracted_data.csv": (
                "193478df4e90f040016431996c45682659306840ecdadf83cfb9cd5ca0aa1b30"
            )
        },
        read=readers.chinchilla,
        note="five outliers, which Besiroglu et al. leave out, have outlier = 1",
    ),
    Dataset(
        name="complexkda",
        title="six architectures on one grid of 6 sizes and 5 budgets",
        num_runs=180,
        N="all parameters",
        D="training tokens",
        loss="nats per token, validation text of Nemotron-CC",
        licence="MIT",
        citation="OpenEuroLLM, ComplexKDA",
        **_github(
            "OpenEuroLLM/ComplexKDA",
            "03af9700538b0ec8041bc364ef52d6bdee4509d0",
            "lm_scaling/harvest",
        ),
        checksums={
            "megatron_ladder.tsv": (
                "eeb8ff58fe59cf402858c833daabf8c9bbf0861f6c56b4fadf6ba9c745d44def"
            )
        },
        read=readers.complexkda,
        note="made for comparing architectures: select one arm before a fit, or fit by arm",
    ),
    Dataset(
        name="gadre",
        title="over-trained models on three corpora: 4 sizes and 8 budgets, 1.4 and 6.9 billion",
        num_runs=104,
        N="all parameters",
        D="training tokens",
        loss="nats per token, C4 validation text",
        licence="MIT",
        citation="Gadre et al. 2024, arXiv:2403.08540",
        **_github("mlfoundations/scaling", "main", "exp_data/models"),
        checksums=_checksums("gadre.txt"),
        read=readers.gadre,
        note="select one corpus before a fit, or fit by corpus",
    ),
    Dataset(
        name="olmo-ladder",
        title="the OLMo ladder: 5 sizes from 0.19 to 3.2 billion, 5 budgets, and reruns",
        num_runs=30,
        N="parameters without the input embedding",
        D="training tokens",
        loss="nats per token, C4 validation text",
        licence="Apache-2.0",
        citation="Bhagia et al. 2024, arXiv:2412.04403",
        **_github("allenai/OLMo-ladder", "main", "src/scripts/paper/data/ladder-runs"),
        checksums=_checksums("olmo_ladder.txt"),
        read=readers.olmo_ladder,
        note="N counts the output embedding; a second run of a size and budget has role = rerun",
    ),
    Dataset(
        name="step-law",
        title="learning rates and batch sizes at 17 pairs of N and D, dense models",
        num_runs=1911,
        N="parameters without embeddings",
        D="training tokens",
        loss="nats per token, smoothed training loss",
        licence="none",
        citation=_STEP_LAW_PAPER,
        **_STEP_LAW,
        checksums={
            "dense_lr_bs_loss.csv": (
                "9e46181076c04d450294d75dfe6f72adc416e231e154a07b337e378f9410002c"
            )
        },
        read=readers.step_law,
        note="batch_size is in sequences of 2,048 tokens; some runs diverged",
    ),
)

CATALOGUE: Final = {dataset.name: dataset for dataset in _DATASETS}
