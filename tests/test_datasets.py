"""Public datasets by name: downloaded once, checked, read to the last digit; no network here."""

import csv
import dataclasses
import hashlib
import http.server
import json
import logging
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pandas as pd
import pytest

import farseer_jax as fj
from farseer_jax.datasets.catalogue import CATALOGUE
from farseer_jax.datasets.dataset import Dataset
from farseer_jax.datasets.load import cache_folder

UNREACHABLE = "http://127.0.0.1:9"  # nothing listens there


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder, and no proxy between us and ourselves."""
    monkeypatch.setenv("FARSEER_DATA", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return tmp_path / "cache"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, Path, list[str]]]:
    """A server on this machine: its address, the folder it serves, and what it was asked for."""
    folder, asked = tmp_path / "served", list[str]()
    folder.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: object) -> None:
            super().__init__(*args, directory=str(folder))  # type: ignore[arg-type]

        def log_message(self, *args: object) -> None:
            asked.append(self.path)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as served:
        thread = threading.Thread(target=served.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{served.server_port}", folder, asked
        served.shutdown()
        thread.join()


def moved(name: str, base_url: str, **texts: str) -> Dataset:
    """A dataset of ours in place of a public one: other files at another address."""
    sums = {
        file.replace("__", "."): hashlib.sha256(text.encode()).hexdigest()
        for file, text in texts.items()
    }
    return dataclasses.replace(CATALOGUE[name], base_url=base_url, checksums=sums)


def in_cache(cache: Path, name: str, file: Path) -> None:
    (cache / name).mkdir(parents=True)
    shutil.copy(file, cache / name)


def read(name: str, folder: Path, **texts: str) -> dict[str, np.ndarray]:
    """What the reader of a dataset makes of files with these texts."""
    paths = []
    for file, text in texts.items():
        paths.append(folder / file.replace("__", "."))
        paths[-1].write_text(text, encoding="utf-8")
    return CATALOGUE[name].read(paths)


# The catalogue


def test_every_dataset_says_what_it_is() -> None:
    for name in fj.datasets.names():
        dataset = fj.datasets.describe(name)
        assert dataset.name == name
        for fact in ("title", "N", "D", "loss", "licence", "citation"):
            assert getattr(dataset, fact)
            assert getattr(dataset, fact) in str(dataset)
        assert dataset.home in str(dataset)


def test_every_address_is_secure_and_every_checksum_a_sha256() -> None:
    for dataset in CATALOGUE.values():
        assert len(dataset.urls) == len(dataset.checksums) > 0
        assert len(set(dataset.checksums.values())) == len(dataset.checksums)
        for url, checksum in zip(dataset.urls, dataset.checksums.values(), strict=True):
            assert urlsplit(url).scheme == "https"
            assert len(checksum) == 64
            int(checksum, 16)


def test_the_list_has_a_row_for_each_dataset() -> None:
    table = fj.datasets.describe()
    frame = table.to_dataframe()
    assert tuple(frame["name"]) == fj.datasets.names()
    assert frame.set_index("name").loc["farseer", "runs"] == 404
    assert all(name in str(table) for name in fj.datasets.names())
    assert "nan" not in str(table)


@pytest.mark.parametrize("function", [fj.datasets.load, fj.datasets.describe])
def test_an_unknown_name_is_refused_with_the_known_ones(function) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match="unknown dataset 'chinchila'; did you mean 'chinchilla'"):
        function("chinchila")


# Downloads


TABLE = "Model Size,Training FLOP,loss\n1e8,6e17,3.5\n2e8,2.4e18,3.25\n"


def test_a_file_is_downloaded_once(server, monkeypatch: pytest.MonkeyPatch, caplog, capfd) -> None:  # type: ignore[no-untyped-def]
    address, folder, asked = server
    (folder / "runs.csv").write_text(TABLE)
    monkeypatch.setitem(CATALOGUE, "chinchilla", moved("chinchilla", address, runs__csv=TABLE))
    with caplog.at_level(logging.INFO):
        first = fj.datasets.load("chinchilla")
    second = fj.datasets.load("chinchilla")
    assert first["D"].tolist() == second["D"].tolist() == [1e9, 2e9]
    assert asked == ["/runs.csv"]
    assert (caplog.text, *capfd.readouterr()) == ("", "", "")


def test_another_file_than_the_published_one_is_refused_and_not_kept(
    server,  # type: ignore[no-untyped-def]
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    address, folder, _ = server
    (folder / "runs.csv").write_text(TABLE.replace("3.25", "3.26"))
    monkeypatch.setitem(CATALOGUE, "chinchilla", moved("chinchilla", address, runs__csv=TABLE))
    message = f"dataset 'chinchilla': {address}/runs.csv differs from the published file"
    with pytest.raises(ValueError, match=message):
        fj.datasets.load("chinchilla")
    assert list((cache / "chinchilla").iterdir()) == []


def test_a_damaged_file_is_downloaded_again(
    server,  # type: ignore[no-untyped-def]
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    address, folder, _ = server
    (folder / "runs.csv").write_text(TABLE)
    monkeypatch.setitem(CATALOGUE, "chinchilla", moved("chinchilla", address, runs__csv=TABLE))
    (cache / "chinchilla").mkdir(parents=True)
    (cache / "chinchilla" / "runs.csv").write_text(TABLE[:20])
    assert fj.datasets.load("chinchilla")["N"].tolist() == [1e8, 2e8]
    assert (cache / "chinchilla" / "runs.csv").read_text() == TABLE


def test_without_a_network_the_message_says_what_to_fetch_and_where_to_put_it(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CATALOGUE, "chinchilla", moved("chinchilla", UNREACHABLE, runs__csv=TABLE))
    with pytest.raises(ConnectionError) as caught:
        fj.datasets.load("chinchilla")
    path = cache / "chinchilla" / "runs.csv"
    assert str(caught.value) == (
        f"dataset 'chinchilla': {UNREACHABLE}/runs.csv could not be downloaded (no connection); "
        f"download it elsewhere and save it as {path}"
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(TABLE)  # advice that is followed helps
    assert fj.datasets.load("chinchilla")["loss"].tolist() == [3.5, 3.25]
    path.write_text(TABLE + "\n")
    with pytest.raises(
        ConnectionError, match=r"runs\.csv, where the existing file has a different checksum$"
    ):
        fj.datasets.load("chinchilla")


def test_without_a_network_all_files_are_named(cache: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    gadre = dataclasses.replace(CATALOGUE["gadre"], base_url=UNREACHABLE)
    monkeypatch.setitem(CATALOGUE, "gadre", gadre)
    with pytest.raises(ConnectionError, match=r"and its 103 other files .*'gadre'\)\.urls.* besid"):
        fj.datasets.load("gadre")


def test_a_missing_file_is_reported_with_its_status(server, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    address, *_ = server
    monkeypatch.setitem(CATALOGUE, "chinchilla", moved("chinchilla", address, runs__csv=TABLE))
    with pytest.raises(ConnectionError, match=r"runs\.csv could not be .* \(HTTP status 404\)"):
        fj.datasets.load("chinchilla")


def test_the_cache_is_in_the_users_cache_folder_unless_told_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FARSEER_DATA", "~/runs")
    assert cache_folder() == Path.home() / "runs"
    monkeypatch.delenv("FARSEER_DATA")
    assert cache_folder().parts[-2:] == ("farseer_jax", "datasets")


# The real files, as published


def prepared_table(path: Path) -> dict[str, list[float | str]]:
    """The columns of a table by Python's own reading of numbers."""

    def value(text: str) -> float | str:
        try:
            return float(text)
        except ValueError:
            return text

    with path.open(newline="") as file:
        header, *rows = csv.reader(file)
    columns = zip(*rows, strict=True)
    return {name: [value(x) for x in c] for name, c in zip(header, columns, strict=True)}


def test_farseers_grid_is_read_to_the_last_digit(shared_data: Path, cache: Path) -> None:
    in_cache(cache, "farseer", shared_data / "upstream" / "1222_full.csv")
    table = fj.datasets.load("farseer")
    prepared = prepared_table(shared_data / "farseer_404.csv")
    rows = np.array(prepared["source_row"], dtype=int)
    prepared["batch_size"] = prepared["batch_size_seqs"]
    for name, ours in table.items():
        assert ours[rows].tolist() == prepared[name], name
    assert len(rows) == fj.datasets.describe("farseer").num_runs
    runs = fj.Runs.from_dataframe(table)
    assert (runs.loss_name, runs.num_copies, runs.num_sizes) == ("loss", 4, 25)


def test_epochs_chinchilla_is_read_to_the_last_digit(shared_data: Path, cache: Path) -> None:
    in_cache(cache, "chinchilla", shared_data / "upstream" / "svg_extracted_data.csv")
    table = fj.datasets.load("chinchilla")
    prepared = prepared_table(shared_data / "chinchilla_epoch.csv")
    prepared["outlier"] = prepared["besiroglu_outlier"]
    ours = zip(*(column.tolist() for column in table.values()), strict=True)
    assert sorted(ours) == sorted(zip(*(prepared[name] for name in table), strict=True))
    assert (len(table["N"]), table["outlier"].sum()) == (CATALOGUE["chinchilla"].num_runs, 5)
    fj.Runs.from_dataframe(table)


def test_the_sizes_of_complexkda_are_those_of_its_arms(shared_data: Path, tmp_path: Path) -> None:
    prepared = prepared_table(shared_data / "complexkda_ladder.csv")
    theirs = {
        "arm": "arm", "size": "size", "budget_BT": "budget_bt", "global_bs": "gbs", "lr": "lr",
        "D": "tokens", "loss": "loss",
    }  # fmt: skip
    upstream = pd.DataFrame({name: prepared[own] for own, name in theirs.items()})
    text = upstream.assign(steps=1, schedule="single").to_csv(sep="\t", index=False)
    table = read("complexkda", tmp_path, ladder__tsv=text)
    for name in ("N", "D", "loss", "arm", "size", "lr"):
        assert table[name].tolist() == prepared[name], name
    assert len(table["N"]) == fj.datasets.describe("complexkda").num_runs


def test_the_runs_of_gadre_and_of_the_olmo_ladder_are_the_prepared_ones(shared_data: Path) -> None:
    for name, file in [("gadre", "gadre_overtrain.csv"), ("olmo-ladder", "olmo_ladder.csv")]:
        prepared = set(pd.read_csv(shared_data / file)["run_id"])
        runs = {Path(file).stem for file in CATALOGUE[name].checksums}
        assert runs <= prepared
        assert all(run.startswith(("7B", "13B")) for run in prepared - runs)  # targets
        assert len(runs) == fj.datasets.describe(name).num_runs


def test_the_sizes_of_the_olmo_ladder_are_the_prepared_ones(shared_data: Path) -> None:
    from farseer_jax.datasets.readers import _OLMO_PARAMETERS

    prepared = pd.read_csv(shared_data / "olmo_ladder.csv", index_col="run_id")["N"]
    for size, N in _OLMO_PARAMETERS.items():
        assert set(prepared[prepared.index.str.startswith(f"{size}-")]) == {N}


# Formats of files that are not at hand


def test_the_files_of_farseer_that_are_joined(tmp_path: Path) -> None:
    table = read(
        "farseer-bilingual",
        tmp_path,
        full__csv="exp_name,N,D,loss\nb,2e8,4e9,2.7\na,1e8,2e9,2.9\nc,3e8,1e9,2.8\n",
        bpc__csv="exp_name,IntelliValSet_Raw|zh,IntelliValSet_Raw|en\na,2.6,0.72\nb,2.5,0.7\n",
    )
    assert table["run_id"].tolist() == ["a", "b"]
    assert table["N"].tolist() == [1e8, 2e8]
    assert table["loss"].tolist() == [0.72, 0.7]


def test_the_runs_of_farseer_beyond_its_grid(tmp_path: Path) -> None:
    text = "N,D,loss,IntelliValSet_Raw|en\n25120768000,125599744000,1.9,0.4381460921911891\n"
    table = read("farseer-beyond", tmp_path, runs__csv=text)
    assert {name: column.tolist() for name, column in table.items()} == {
        "N": [25120768000.0], "D": [125599744000.0], "loss": [0.4381460921911891],
    }  # fmt: skip


def test_step_law_has_the_smoothed_loss(tmp_path: Path) -> None:
    text = (
        "h,ffnh,numh,numl,lr,bs,ti,loss,smooth loss,exp_name,D,N,D/N\n"
        "960,9368,15,7,0.001,64,100,2.5,2.4,first,4000000000,214663680,18.6\n"
    )
    table = read("step-law", tmp_path, runs__csv=text)
    assert (table["loss"][0], table["train_loss_last"][0]) == (2.4, 2.5)
    assert (table["batch_size"][0], table["N"][0] * table["D"][0]) == (64, 4e9 * 214663680)


def gadre_result(text: str, loss: float) -> dict[str, object]:
    limits = {"loss_tokens_lower_95": loss - 0.01, "loss_tokens_upper_95": loss + 0.01}
    return {"loss": loss, **limits, "val_data": [text]}


def test_a_run_of_gadre(tmp_path: Path) -> None:
    settings = {
        "params": 100, "params_no_embed": 60, "tokens": 2000, "chinchilla_multiplier": 1.0,
        "lr": 0.003, "wd": 0.033, "global_bs": 64, "warmup": 100,
    }  # fmt: skip
    content = {
        "name": "rpj-d=96_l=8_h=4-1.0",
        "dataset_name": "rpj",
        "hyperparameters": settings,
        "results": [
            gadre_result("training/eval_data/val_tok_mult/openlm/shard_00000000.tar", 7.0),
            gadre_result("training/eval_data/c4_val/shard-{0000000..0000010}.tar", 5.0),
            gadre_result("training/eval_data/val_tok_mult/paloma_ptb/00000001.tar", 6.0),
        ],
    }
    table = read("gadre", tmp_path, run__json=json.dumps(content))
    assert (table["N"][0], table["D"][0], table["loss"][0]) == (100.0, 2000.0, 5.0)
    assert (table["corpus"][0], table["loss_lo95"][0]) == ("RedPajama", 4.99)
    assert table["loss_paloma_ptb"][0] == 6.0
    assert np.isnan(table["loss_de_en"][0])  # not evaluated


def test_a_run_of_the_olmo_ladder_ends_with_its_last_evaluation(tmp_path: Path) -> None:
    texts = (
        "c4_en", "dolma_books", "dolma_common-crawl", "dolma_pes2o", "dolma_reddit", "dolma_stack",
        "dolma_wiki", "ice", "m2d2_s2orc", "pile", "wikitext_103",
    )  # fmt: skip
    losses = [f"eval/{text}-validation/CrossEntropyLoss" for text in texts]
    names = ["_step", "throughput/total_tokens", *losses, "learning_rate_peak"]
    rows = [
        [200, 1e8, *[6.0] * 11, 1e-3, 524288],
        [400, 2e8, 3.75, *[4.0] * 10, 1e-3, 524288],
        [401, 2.1e8, *[np.nan] * 11, 1e-3, 524288],
    ]
    text = pd.DataFrame(rows, columns=[*names, "batch_size_in_tokens"]).to_csv(index=False)
    files = {"190M-1xC-rerun__csv": text, "3B-2xC__csv": text}
    table = read("olmo-ladder", tmp_path, **files)
    assert table["N"].tolist() == [190354176.0, 3169537280.0]
    assert (table["D"][0], table["loss"][0], table["loss_pile"][0]) == (2e8, 3.75, 4.0)
    assert table["role"].tolist() == ["rerun", "ladder"]
    assert table["run_id"].tolist() == ["190M-1xC-rerun", "3B-2xC"]


def test_a_table_is_read_by_the_name_of_a_dataset(monkeypatch: pytest.MonkeyPatch) -> None:
    columns = {"N": np.array([1e8, 2e8]), "D": np.array([2e9, 2e9]), "loss": np.array([3.6, 3.4])}
    monkeypatch.setattr(fj.datasets, "load", lambda name: {"farseer": columns}[name])
    assert fj.read_table("dataset:farseer").source == "dataset:farseer"
    assert fj.read_runs("dataset:farseer", where="N > 1e8").loss.tolist() == [3.4]
