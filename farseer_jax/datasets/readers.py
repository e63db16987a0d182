"""The columns of published files: each reader knows the format of one dataset's authors."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from farseer_jax.datasets.dataset import Columns

# Farseer: losses on English text as bits per character. `loss` is the last training loss, and the
# columns about D/N hold five constants.
_FARSEER: Final = {
    "N": "N", "D": "D", "loss": "L", "N_with_embedding": "N_add_emb", "flops_per_token": "M",
    "h": "h", "ffnh": "ffnh", "numh": "numh", "numl": "numl", "lr": "lr",
    "batch_size": "bs", "steps": "ti", "seq_len": "seq_len",
    "train_loss_last": "loss", "train_loss_smooth": "smooth loss",
    "bpc_en_web": "IntelliValSet_Raw|en|web-data", "bpc_en_paper": "IntelliValSet_Raw|en|paper",
    "bpc_en_book": "IntelliValSet_Raw|en|book", "bpc_zh": "IntelliValSet_Raw|zh",
    "bpc_zh_web": "IntelliValSet_Raw|zh|web-data", "bpc_zh_paper": "IntelliValSet_Raw|zh|paper",
    "bpc_zh_book": "IntelliValSet_Raw|zh|book",
}  # fmt: skip
_FARSEER_OTHERS: Final = {"N": "N", "D": "D", "loss": "IntelliValSet_Raw|en"}
_STEP_LAW: Final = {
    "N": "N", "D": "D", "loss": "smooth loss", "lr": "lr", "batch_size": "bs", "steps": "ti",
    "h": "h", "ffnh": "ffnh", "numh": "numh", "numl": "numl", "train_loss_last": "loss",
    "run_id": "exp_name",
}  # fmt: skip

# Besiroglu et al. leave out the five highest losses.
_NUM_OUTLIERS: Final = 5

# Parameters without the input embedding, with the output embedding: OLMo-ladder, MODEL_PARAMS.
_OLMO_PARAMETERS: Final = {
    "190M": 190354176, "370M": 371262464, "760M": 758220288, "1B": 1279395840, "3B": 3169537280,
}  # fmt: skip
_OLMO_TEXTS: Final = {
    "dolma_books": "dolma_books", "dolma_common_crawl": "dolma_common-crawl",
    "dolma_pes2o": "dolma_pes2o", "dolma_reddit": "dolma_reddit", "dolma_stack": "dolma_stack",
    "dolma_wiki": "dolma_wiki", "ice": "ice", "m2d2_s2orc": "m2d2_s2orc", "pile": "pile",
    "wikitext_103": "wikitext_103",
}  # fmt: skip

# Parameters of each kind of layer at each size: ComplexKDA, lm_scaling/ladder_matched.json.
_KDA_SIZES: Final = ("47M", "124M", "302M", "588M", "983M", "1.7B")
_KDA_PARAMETERS: Final = {
    "attn": (47637888, 124547904, 302010240, 588729600, 983311872, 1713735680),
    "lowrank": (48025800, 125451234, 303660440, 586324880, 979996224, 1709707520),
    "hybrid": (47265270, 124144574, 302961170, 587745260, 984364080, 1712287424),
}

_GADRE_CORPORA: Final = {"c4_original": "C4", "rpj": "RedPajama", "rw_original": "RefinedWeb"}
_GADRE_TEXTS: Final = {
    "openlm": "loss_openlm", "paloma_c4_en": "loss_paloma_c4",
    "paloma_dolma_100_programing_languages": "loss_paloma_code",
    "paloma_falcon-refinedweb": "loss_paloma_refinedweb", "paloma_ptb": "loss_paloma_ptb",
    "paloma_redpajama": "loss_paloma_redpajama", "de-en": "loss_de_en",
}  # fmt: skip


def farseer(paths: Sequence[Path]) -> Columns:
    """The grid of Farseer: ``1222_full.csv``."""
    return _named(_table(paths[0]), _FARSEER)


def farseer_beyond(paths: Sequence[Path]) -> Columns:
    """Farseer's runs beyond the grid: ``val_big_d_full.csv``."""
    return _named(_table(paths[0]), _FARSEER_OTHERS)


def farseer_bilingual(paths: Sequence[Path]) -> Columns:
    """Farseer's English-Chinese recipe: runs and their losses are in separate files."""
    runs, losses = map(_table, paths)
    rows = {name: row for row, name in enumerate(runs["exp_name"])}
    known = [row for row, name in enumerate(losses["exp_name"]) if name in rows]
    of_known = [rows[name] for name in losses["exp_name"][known]]
    return {
        "N": runs["N"][of_known].astype(float),
        "D": runs["D"][of_known].astype(float),
        "loss": losses[_FARSEER_OTHERS["loss"]][known],
        "run_id": losses["exp_name"][known],
    }


def step_law(paths: Sequence[Path]) -> Columns:
    """Dense models of Step Law: ``dense_lr_bs_loss.csv``."""
    return _named(_table(paths[0]), _STEP_LAW)


def chinchilla(paths: Sequence[Path]) -> Columns:
    """Epoch's digitised runs: size, training FLOPs and loss; D is FLOPs/(6N)."""
    table = _table(paths[0])
    N, flops, loss = table["Model Size"], table["Training FLOP"], table["loss"]
    highest = np.argsort(-loss, kind="stable")[:_NUM_OUTLIERS]
    outlier = np.isin(np.arange(len(loss)), highest).astype(int)
    return {"N": N, "D": flops / (6 * N), "loss": loss, "flops": flops, "outlier": outlier}


def complexkda(paths: Sequence[Path]) -> Columns:
    """The ladder of ComplexKDA, whose N is that of the arm's kind of layer."""
    table = _table(paths[0], delimiter="\t")
    sizes = zip(table["arm"], table["size"], strict=True)
    N = [_KDA_PARAMETERS[_kda_layers(arm)][_KDA_SIZES.index(size)] for arm, size in sizes]
    given = {
        "D": "tokens", "loss": "loss", "arm": "arm", "size": "size", "batch_size": "gbs",
        "lr": "lr", "steps": "steps", "schedule": "schedule",
    }  # fmt: skip
    return {"N": np.array(N, dtype=float), **_named(table, given)}


def _kda_layers(arm: str) -> str:
    """The kind of layers of an arm, which determines its parameters."""
    return "attn" if arm.startswith("attn") else "hybrid" if "hybrid" in arm else "lowrank"


def gadre(paths: Sequence[Path]) -> Columns:
    """One JSON file for each model: its settings, and its losses on several texts."""
    return _columns([_gadre_run(json.loads(path.read_text(encoding="utf-8"))) for path in paths])


def _gadre_run(content: Mapping[str, Any]) -> dict[str, Any]:
    settings = content["hyperparameters"]
    results = {_gadre_text(result["val_data"][0]): result for result in content["results"]}
    c4 = results["c4_val"]
    return {
        "run_id": content["name"],
        "N": float(settings["params"]),
        "D": float(settings["tokens"]),
        "loss": c4["loss"],
        "N_no_embed": float(settings["params_no_embed"]),
        "corpus": _GADRE_CORPORA[content["dataset_name"]],
        "multiplier": settings["chinchilla_multiplier"],
        "lr": settings["lr"],
        "weight_decay": settings["wd"],
        "batch_size": settings["global_bs"],
        "warmup": settings["warmup"],
        "loss_lo95": c4["loss_tokens_lower_95"],
        "loss_hi95": c4["loss_tokens_upper_95"],
        **{
            name: results[text]["loss"] if text in results else np.nan
            for text, name in _GADRE_TEXTS.items()
        },
    }


def _gadre_text(address: str) -> str:
    """The text that a loss was measured on: the folder of its shards."""
    return address.split("/")[-2]


def olmo_ladder(paths: Sequence[Path]) -> Columns:
    """The log of each run, whose last evaluation is at its end."""
    return _columns([_olmo_run(path) for path in paths])


def _olmo_run(path: Path) -> dict[str, Any]:
    table = _table(path)
    loss_name = "eval/{}-validation/CrossEntropyLoss"
    evaluated = np.isfinite(table[loss_name.format("c4_en")])
    last = {name: column[evaluated][-1] for name, column in table.items()}
    return {
        "run_id": path.stem,
        "N": float(_OLMO_PARAMETERS[path.stem.split("-")[0]]),
        "D": float(last["throughput/total_tokens"]),
        "loss": last[loss_name.format("c4_en")],
        "role": "rerun" if path.stem.endswith("-rerun") else "ladder",
        "steps": float(last["_step"]),
        "lr": last["learning_rate_peak"],
        "batch_size_tokens": float(last["batch_size_in_tokens"]),
        **{f"loss_{name}": last[loss_name.format(text)] for name, text in _OLMO_TEXTS.items()},
    }


def _table(path: Path, delimiter: str = ",") -> Columns:
    """A delimited file, with numbers read exactly."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        header, *rows = filter(None, csv.reader(file, delimiter=delimiter))
    return {name: _values(texts) for name, *texts in zip(header, *rows, strict=True)}


def _values(texts: Sequence[str]) -> np.ndarray[Any, Any]:
    """Numbers if all are; empty cells are then NaN."""
    for kind, empty in ((int, ""), (float, "nan")):
        try:
            return np.array([kind(text or empty) for text in texts])
        except ValueError:
            continue
    return np.array(texts)


def _named(table: Columns, names: Mapping[str, str]) -> Columns:
    """Columns renamed; N and D as floats, whose product does not overflow."""
    columns = {own: table[theirs] for own, theirs in names.items()}
    return columns | {own: columns[own].astype(float) for own in ("N", "D") if own in columns}


def _columns(runs: Sequence[Mapping[str, Any]]) -> Columns:
    """Columns of runs that have the same keys."""
    return {name: np.array([run[name] for run in runs]) for name in runs[0]}
