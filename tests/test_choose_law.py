"""The choice of laws for a table whose user names none."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from commands import farseer, refused

import farseer_jax as fj
from farseer_jax.choosing import law_member, scores
from farseer_jax.choosing.candidates import catalogue, served_laws
from farseer_jax.choosing.holdouts import holdouts
from farseer_jax.choosing.small_groups import without_small_groups
from farseer_jax.choosing.table_reading import TableReading, numbers_of, read_columns
from farseer_jax.laws.floor import has_floor, with_floor
from farseer_jax.laws.registry import law_named
from farseer_jax.methods.end_to_end.choose_starts import starts_of
from farseer_jax.methods.end_to_end.layout import build_layout
from farseer_jax.methods.end_to_end.settings import free_of

NOISE = 1e-3


def streams(N: Any, P: Any) -> Any:
    """ParScale, as published for Pile."""
    return 1.2888 + (1.973e8 / (N * (0.3345 * np.log(P) + 1.0))) ** 0.1963


def table_of_streams() -> dict[str, Any]:
    """Runs of two corpora, in columns with other names than the laws'."""
    N, P = (x.ravel() for x in np.meshgrid(np.geomspace(5e8, 4e9, 6), [1, 2, 4, 6]))
    noise = np.exp(NOISE * np.random.default_rng(0).standard_normal((2, len(N))))
    return {
        "params": np.tile(N, 2),
        "num_streams": np.tile(P, 2),
        "corpus": np.repeat(["pile", "stack"], len(N)),
        "val_loss": np.concatenate([streams(N, P) * noise[0], 0.6 * streams(N, P) * noise[1]]),
    }


def mixtures() -> dict[str, Any]:
    """Two losses over mixtures of three domains at two sizes, some shares 0."""
    rng = np.random.default_rng(1)
    shares = rng.dirichlet([1.0, 1.0, 1.0], 14).round(3)
    shares[:3, 0] = 0.0
    shares = np.tile(shares / shares.sum(axis=1, keepdims=True), (2, 1))
    N = np.repeat([70e6, 410e6], 14)
    coefficients = np.array([[0.9, 0.5, 0.2], [0.3, 0.4, 1.2]])
    loss = 1.5 + 40 / N[:, None] ** 0.25 + 1.0 / ((shares + 0.02) ** 0.3 @ coefficients.T)
    return {
        "model": np.where(N > 1e8, "410M", "70M"),
        **{f"share_{k}": shares[:, k] for k in range(3)},
        "loss_web": loss[:, 0],
        "loss_code": loss[:, 1],
    }


@pytest.fixture(scope="module")
def choice() -> fj.LawChoice:
    """The laws for the table of streams."""
    return fj.choose_law(table_of_streams())


@pytest.fixture(scope="module")
def mixed() -> fj.LawChoice:
    """The laws for the table of mixtures."""
    return fj.choose_law(mixtures())


class TestReading:
    def read(self, **columns: Any) -> TableReading:
        return read_columns({name: np.asarray(own) for name, own in columns.items()})

    def test_names_and_values_tell_columns_apart(self) -> None:
        table = table_of_streams()
        table |= {"run_id": np.arange(len(table["params"])), "val_acc": table["val_loss"] / 9}
        reading = self.read(**table)
        assert reading.responses == ("val_loss",)
        assert reading.groups == ("corpus",)
        assert reading.inputs == ("params", "num_streams")
        assert reading.ignored == {
            "run_id": "identifies the runs",
            "val_acc": "looks like another result of the runs",
        }

    def test_shares_and_sizes(self) -> None:
        reading = self.read(**mixtures())
        assert reading.responses == ("loss_web", "loss_code")
        assert reading.shares == ("share_0", "share_1", "share_2")
        assert reading.sizes == ("model",)
        assert not reading.groups
        assert set(numbers_of(mixtures(), reading)["model"]) == {70e6, 410e6}

    def test_shares_are_found_by_their_sum_whatever_their_stem(self) -> None:
        own = {name.replace("share", "p"): values for name, values in mixtures().items()}
        assert self.read(**own).shares == ("p_0", "p_1", "p_2")

    def test_groups_follow_from_no_input(self) -> None:
        D = np.tile([1e9, 2e9, 4e9], 8)
        stage = [f"stage of {tokens:g}" for tokens in D]
        one = ["same"] * 24
        kind = np.repeat(["a", "b"], 12)
        reading = self.read(N=np.repeat([1e8, 2e8, 4e8, 8e8] * 2, 3), D=D, stage=stage, one=one,
                            kind=kind, loss=np.linspace(3, 2, 24))  # fmt: skip
        assert reading.groups == ("kind",)
        assert reading.ignored == {
            "stage": "follows from the inputs",
            "one": "the same in all rows",
        }

    def test_negative_losses_have_errors_of_their_own_scale(self) -> None:
        reading = self.read(N=np.repeat([1e8, 2e8, 4e8], 2), loss=-np.linspace(1, 2, 6))
        assert reading.link == "identity"
        assert "some responses are not positive" in "\n".join(reading.sentences())

    def test_without_a_loss(self) -> None:
        with pytest.raises(ValueError, match=r"no column was recognised as the loss: name it"):
            fj.choose_law({"N": [1e8, 2e8], "quality": [1.0, 2.0]})

    def test_products_of_powers_follow_from_N_and_D(self) -> None:
        N, D = (x.ravel() for x in np.meshgrid([1e8, 2e8, 4e8], [1e9, 2e9, 4e9]))
        reading = self.read(flops=6 * N * D, N=N, D=D, batch_size=N**0.5, loss=np.linspace(3, 2, 9))
        assert reading.inputs == ("N", "D")
        assert reading.ignored == {
            "flops": "follows from N and D",
            "batch_size": "follows from N",
        }
        other = self.read(C=6 * N * D * np.linspace(1, 1.1, 9), N=N, D=D, loss=np.linspace(3, 2, 9))
        assert other.inputs == ("C", "N", "D")

    def test_a_column_of_unknown_role_is_dropped_with_its_rows(self) -> None:
        own = dict(table_of_streams(), q=np.tile([1.0, 2.0, 0.0, 4.0], 12))
        reading = self.read(**own)
        assert reading.ignored["q"].startswith("not a positive number in rows 2, 6, 10, ")

    def test_a_label_with_few_rows_keeps_the_groups(self) -> None:
        own = table_of_streams()
        own["corpus"][:3] = "code"
        columns = {name: np.asarray(values) for name, values in own.items()}
        reading = read_columns(columns)
        assert reading.groups == ("corpus",)
        kept, reading = without_small_groups(columns, reading)
        assert set(kept["corpus"]) == {"pile", "stack"}
        assert len(kept["params"]) == len(own["params"]) - 3
        assert reading.small_groups == ("corpus=code",)
        assert reading.left_out == (
            "the group corpus=code is left out: 3 runs, in rows 0, 1, 2, are fewer than 5",
        )

    def test_a_response_with_few_values_is_left_out(self) -> None:
        own = mixtures()
        own["loss_code"] = np.where(np.arange(28) < 4, own["loss_code"], np.nan)
        reading = self.read(**own)
        assert reading.responses == ("loss_web",)
        assert reading.left_out == ("response 'loss_code' is left out: only 4 rows have a value",)


class TestHoldouts:
    def test_the_largest_of_each_input_and_of_all(self) -> None:
        N, D = (
            x.ravel() for x in np.meshgrid(np.geomspace(1e8, 1.6e9, 5), np.geomspace(1e9, 8e9, 4))
        )
        found = holdouts({"N": N, "D": D})
        assert list(found) == [
            "largest N, 10%", "largest N, 25%", "largest D, 10%", "largest D, 25%",
            "largest N and D, 10%", "largest N and D, 25%",
        ]  # fmt: skip
        np.testing.assert_array_equal(found["largest N, 10%"], N > 1e9)
        np.testing.assert_array_equal(found["largest N, 25%"], N > 5e8)
        np.testing.assert_array_equal(found["largest D, 10%"], D > 5e9)
        assert all(0.0 < held.mean() <= 0.5 for held in found.values())

    def test_each_mixture_is_held_out_once(self) -> None:
        shares = np.random.default_rng(0).dirichlet([1, 1], 12)
        found = holdouts({}, np.tile(shares, (3, 1)))
        assert len(found) == 4
        np.testing.assert_array_equal(np.sum(list(found.values()), axis=0), 1)
        for held in found.values():
            np.testing.assert_array_equal(held[:12], held[12:24])

    def test_few_values_are_not_extrapolated(self) -> None:
        assert holdouts({"N": np.repeat([1e8, 2e8], 6)}) == {}


class TestScores:
    def test_shares_are_powers_of_the_mean_miss(self) -> None:
        misses = np.log([[0.01, 0.04], [0.02, 0.02], [0.04, 0.04]])
        expected = np.array([1.0, 1.0, 1 / 8])
        np.testing.assert_allclose(scores.weights_of(misses), expected / expected.sum())

    def test_small_shares_are_left_out(self) -> None:
        shares = scores.weights_of(np.log([[0.01], [0.02], [0.2]]))
        np.testing.assert_allclose(shares, [8 / 9, 1 / 9, 0.0])

    def test_promising_candidates(self) -> None:
        misses = [np.log([own]) for own in (0.05, 0.01, 0.03, 0.02)]
        np.testing.assert_array_equal(scores.promising(misses, 4), [1, 3, 2])
        np.testing.assert_array_equal(scores.promising(misses, 2), [1, 3])

    def test_one_diverged_run_hardly_counts(self) -> None:
        misses = np.random.default_rng(0).normal(0, 0.01, 200)
        far = np.append(misses, 5.0)
        clean, with_far = scores.log_miss({"a": misses})[0], scores.log_miss({"a": far})[0]
        assert abs(with_far - clean) < 0.05

    def test_who_is_best_in_draws_of_holdouts(self) -> None:
        misses = np.log([[0.01, 0.01, 0.03], [0.02, 0.02, 0.01]])
        found = scores.probability_best(misses)
        better = misses[0] - misses[1]  # of each hold-out, drawn three times
        draws = better[np.random.default_rng(5).integers(3, size=(20_000, 3))].sum(1)
        assert abs(found[0] - (draws < 0).mean()) < 0.03
        assert found.sum() == pytest.approx(1.0)


class TestMember:
    def test_unbounded_starts_are_the_laws_starts(self) -> None:
        runs = fj.example_runs()
        found = law_member.unbounded_starts(fj.Coupled, runs)
        method = fj.LeastSquares(num_starts=8)
        layout = build_layout(fj.Coupled, runs, by_curves=False)
        free = free_of(method, layout)
        vector = free.vector(starts_of(method, layout, free, 8)).T
        own = fj.Coupled.from_vector(vector.T, layout.center)
        for start, row in enumerate(found):
            law = law_member.law_of_unbounded(fj.Coupled, row)
            assert float(law(1e9, 2e10)) == pytest.approx(float(own(1e9, 2e10)[start]), rel=1e-9)

    def test_priors_on_the_floor_and_the_exponents(self) -> None:
        runs, law = fj.example_runs(), fj.law("N, D | E + A/N**a + B/D**b")
        starts = law_member.unbounded_starts(law, runs)
        kinds = {"N": "positive", "D": "positive"}
        member = law_member.law_member(
            law, runs, {"N": "N", "D": "D"}, kinds, correlated=False, starts=starts
        )
        mean = dict(zip(law.parameter_names(), member.prior_mean, strict=True))
        sd = dict(zip(law.parameter_names(), member.prior_sd, strict=True))
        assert mean["E"] == pytest.approx(np.log(0.6 * runs.loss.min()))
        assert mean["a"] == mean["b"] == pytest.approx(np.log(0.3))
        assert (sd["E"], sd["a"]) == (0.5, 0.3)
        place = law.parameter_names().index("A")
        assert mean["A"] == pytest.approx(np.median(starts[:, place]))
        assert sd["A"] > 1.0

    def test_a_law_gets_a_floor(self) -> None:
        law = with_floor(fj.Kaplan)
        base = {"N_c": 8.8e13, "D_c": 5.4e13, "alpha_N": 0.076, "alpha_D": 0.095}
        own = float(law(E=0.5, **base)(N=1e9, D=1e10))
        assert own == pytest.approx(0.5 + float(fj.Kaplan(**base)(1e9, 1e10)))
        assert law_named("kaplan+floor") is law
        assert has_floor(law)
        assert not has_floor(fj.Kaplan)
        with pytest.raises(ValueError, match="has a parameter E"):
            with_floor(fj.Chinchilla)

    def test_every_law_that_is_tried_has_a_floor(self) -> None:
        assert all(has_floor(law) for law in catalogue().values())

    def test_a_positive_law_has_no_start_for_negative_losses(self) -> None:
        runs = fj.Runs(N=[1e8, 2e8, 4e8] * 3, D=np.repeat([1e9, 2e9, 4e9], 3),
                       loss=-np.linspace(1, 2, 9), link="identity")  # fmt: skip
        with pytest.raises(ValueError, match="no start of its parameters is finite"):
            law_member.unbounded_starts(fj.Chinchilla, runs)


class TestCandidates:
    def test_several_columns_may_be_one_input(self) -> None:
        reading = TableReading(("loss",), (), ("N_active", "N_total", "D1"))
        candidates, _ = served_laws(reading, {})
        names = [own.name for own in candidates if own.law is fj.Chinchilla]
        assert names == ["chinchilla (N=N_active)", "chinchilla (N=N_total)"]

    def test_a_named_column_is_the_only_one(self) -> None:
        reading = TableReading(("loss",), (), ("N_active", "N_total", "D1"))
        candidates, _ = served_laws(reading, {"N": "N_total"})
        (own,) = [own for own in candidates if own.law is fj.Chinchilla]
        assert own.columns == {"N": "N_total", "D": "D1"}

    def test_what_a_law_lacks(self) -> None:
        _, others = served_laws(TableReading(("loss",), (), ("N", "D")), {})
        lacks = {own.name: own.lacks for own in others}
        assert lacks["chinchilla(D=repeated-tokens)"] == ("U",)


class TestChoice:
    def test_beyond_the_runs(self, choice: fj.LawChoice) -> None:
        N, P = np.array([5e9, 6e9, 5e9]), np.array([6, 6, 8])
        at = {"params": np.tile(N, 2), "num_streams": np.tile(P, 2)}
        at["corpus"] = np.repeat(["pile", "stack"], 3)
        expected = np.concatenate([streams(N, P), 0.6 * streams(N, P)])
        np.testing.assert_allclose(choice.predict(at), expected, rtol=0.004)

    def test_the_true_law_is_among_the_best(self, choice: fj.LawChoice) -> None:
        assert choice.best.error < 2.0 * NOISE
        assert sum(own.weight for own in choice.tried) == pytest.approx(1.0)
        assert [own.error for own in choice.tried] == sorted(own.error for own in choice.tried)

    def test_predictions_are_the_average_of_the_laws(self, choice: fj.LawChoice) -> None:
        fit = choice[0]
        N, P = np.array([1e9, 8e9]), np.array([3, 8])
        total = np.zeros(2)
        for member in fit.members:
            own = {"params": N, "num_streams": P}
            value = member.law.loss(**{key: own[name] for key, name in member.columns.items()})
            scaled = np.log(np.asarray(value, dtype=float))
            if member.correlated:
                columns = fj.CorrelatedErrors(along="params").columns(
                    dict.fromkeys(fit.inputs, "positive"), fit.inputs
                )
                scaled = scaled + columns.at(own).matrix @ member.coefficients
            total += member.weight * scaled
        np.testing.assert_allclose(fit.predict(params=N, num_streams=P), np.exp(total), rtol=1e-12)

    def test_evaluate_knows_the_observed(self, choice: fj.LawChoice) -> None:
        found = choice.evaluate(pd.DataFrame(table_of_streams()))
        assert found.r2 > 0.9999
        assert found.mean_relative_error < 2.0 * NOISE

    def test_file(self, choice: fj.LawChoice, tmp_path: Path) -> None:
        choice.to_json(tmp_path / "choice.json")
        again = fj.LawChoice.from_json(tmp_path / "choice.json")
        table = table_of_streams()
        np.testing.assert_array_equal(again.predict(table), choice.predict(table))
        assert str(again) == str(choice)
        assert again.reading == choice.reading

    def test_text_says_what_was_taken_for_what(self, choice: fj.LawChoice) -> None:
        text = str(choice)
        assert text.startswith("response: val_loss\ngroups: corpus\ninputs: params, num_streams")
        assert "chosen for each of 2 groups: " in text
        assert "needs D (training tokens): chinchilla, coupled" in text
        frame = choice.to_dataframe()
        assert list(frame.columns) == [
            "law",
            "misfit",
            "error",
            "weight",
            "probability_best",
            "formula",
        ]
        assert len(frame) == len(choice.tried)

    def test_mixtures(self, mixed: fj.LawChoice) -> None:
        table = {name: np.asarray(own) for name, own in mixtures().items()}
        shares = np.array([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]])
        at = {f"share_{k}": shares[:, k] for k in range(3)} | {"model": np.array(["70M", "410M"])}
        coefficients = np.array([[0.9, 0.5, 0.2], [0.3, 0.4, 1.2]])
        N = np.array([70e6, 410e6])
        loss = 1.5 + 40 / N[:, None] ** 0.25 + 1.0 / ((shares + 0.02) ** 0.3 @ coefficients.T)
        np.testing.assert_allclose(mixed.predict(at), loss, rtol=0.01)
        assert mixed.evaluate(table).r2 > 0.999

    def test_a_diverged_run_hardly_matters(self) -> None:
        N, D = (
            x.ravel() for x in np.meshgrid(np.geomspace(1e8, 2e9, 5), np.geomspace(2e9, 6e10, 5))
        )
        loss = 1.7 + 400 / N**0.34 + 410 / D**0.28
        far = loss.copy()
        far[[3, 20]] *= 1.3
        at = {"N": [4e9], "D": [1e11]}
        clean = fj.choose_law({"N": N, "D": D, "loss": loss}).predict(at)
        np.testing.assert_allclose(clean, 1.7 + 400 / 4e9**0.34 + 410 / 1e11**0.28, rtol=0.002)
        np.testing.assert_allclose(
            fj.choose_law({"N": N, "D": D, "loss": far}).predict(at), clean, rtol=0.005
        )

    def test_a_floor_that_the_runs_do_not_determine_is_said(self) -> None:
        rng = np.random.default_rng(0)
        N = np.geomspace(1e8, 2e8, 9)
        loss = (1.5 + 30 / N**0.15) * np.exp(0.02 * rng.standard_normal(9))
        (warning,) = fj.choose_law({"N": N, "loss": loss}).warnings
        assert "do not determine the floor E" in warning

    def test_runs(self) -> None:
        found = fj.choose_law(fj.example_runs().select(max_N=1e9))
        assert found.reading.inputs == ("N", "D")

    def test_a_small_group(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(
            "farseer_jax.choosing.candidates.catalogue", lambda: {"chinchilla": fj.Chinchilla}
        )
        N, D = (
            x.ravel() for x in np.meshgrid(np.geomspace(1e8, 8e8, 4), np.geomspace(1e9, 8e9, 4))
        )
        table: dict[str, Any] = {
            "N": np.append(N, N[:2]),
            "D": np.append(D, D[:2]),
            "corpus": ["web"] * 16 + ["code"] * 2,
        }
        table["loss"] = 1.7 + 400 / table["N"] ** 0.34 + 410 / table["D"] ** 0.28
        found = fj.choose_law(table, by="corpus")
        assert [dict(own.group) for own in found] == [{"corpus": "web"}]
        text = "the group corpus=code is left out: 2 runs, in rows 16, 17, are fewer than 5"
        assert text in found.warnings
        assert str(found).startswith(f"Warning: {text}\n")
        with pytest.raises(ValueError, match="corpus=code was not fitted, because it had fewer"):
            found.predict(table)

    def test_negative_losses(self) -> None:
        N, D = (
            x.ravel() for x in np.meshgrid(np.geomspace(1e8, 8e8, 4), np.geomspace(1e9, 8e9, 4))
        )
        loss = -1.0 + 400 / N**0.34 + 410 / D**0.28 - 3.0
        found = fj.choose_law({"N": N, "D": D, "loss": loss})
        assert found.refused["chinchilla"] == "no start of its parameters is finite for these runs"
        expected = -4.0 + 400 / 1.6e9**0.34 + 410 / 1.6e10**0.28
        np.testing.assert_allclose(
            found.predict({"N": [1.6e9], "D": [1.6e10]}), expected, atol=0.01
        )


def grid(**changes: Any) -> dict[str, Any]:
    """16 runs, with some values changed: ``N=(3, np.nan)``."""
    N, D = (x.ravel() for x in np.meshgrid(np.geomspace(1e8, 8e8, 4), np.geomspace(1e9, 8e9, 4)))
    table = {"N": N, "D": D, "loss": 1.7 + 400 / N**0.34 + 410 / D**0.28}
    for name, (row, value) in changes.items():
        table[name][row] = value
    return table


def shares(**changes: Any) -> dict[str, Any]:
    """Runs of mixtures, with some values changed."""
    table = mixtures()
    for name, (row, value) in changes.items():
        table[name][row] = value
    return table


class TestRefusals:
    @pytest.mark.parametrize(
        ("table", "message"),
        [
            (grid(N=(3, np.nan)), "column 'N': row 3 is missing or NaN; correct these rows or"),
            (grid(N=(3, 0.0)), r"column 'N': row 3 is not positive \(0.0\); correct these rows"),
            (grid(D=(5, -1.0)), "column 'D': row 5 is not positive"),
            (grid() | {"N": ["big", *grid()["N"][1:]]}, "column 'N': row 0 is not a number"),
            (grid(loss=(2, np.inf)), "column 'loss': row 2 is infinite; correct these rows"),
            (grid() | {"loss": ["diverged", *grid()["loss"][1:]]},
             "column 'loss': row 0 is not a number .'diverged'.; correct these rows"),
            (grid(loss=(slice(None), np.nan)), "column 'loss': is missing in all 16 rows"),
            (grid(loss=(slice(4, None), np.nan)), "'loss' has values in only 4 of 16 rows"),
            (grid() | {"D": [1e9]}, "columns of unequal length: column 'N' has 16, column 'D' has"),
            ({"N": [], "loss": []}, "the table has no rows"),
            ({"N": [1e8], "loss": [3.0]}, "1 run is too few to hold out the largest"),
            (shares(share_1=(5, 0.95)), "share_0, share_1, share_2 look like a mixture, but row 5"),
            (shares(share_1=(5, np.nan)), "look like a mixture, but values are missing in row 5"),
            (shares() | {f"share_{k}": 100 * mixtures()[f"share_{k}"] for k in range(3)},
             "sum to 100, 100, 100, … instead of 1: divide these columns by 100"),
        ],
    )  # fmt: skip
    def test_invalid_values(self, table: dict[str, Any], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            fj.choose_law(table)

    def test_unknown_names(self) -> None:
        with pytest.raises(ValueError, match="no column 'foo', named as a group; the columns are"):
            fj.choose_law(grid(), by="foo")
        with pytest.raises(
            ValueError,
            match=r"'Expert', which is not an input of any law .*; did you mean 'experts'",
        ):
            fj.choose_law(grid(), columns_of={"Expert": "N"})
        with pytest.raises(ValueError, match=r"one column named as N \(parameters\), got 'N', 'D'"):
            fj.choose_law(grid(), columns_of={"N": "N,D"})

    def test_a_named_input_with_missing_values(self) -> None:
        table = grid(D=(5, np.nan))
        with pytest.raises(ValueError, match=r"column 'q' \(D\): row 5 is missing or NaN"):
            fj.choose_law({"N": table["N"], "q": table["D"], "loss": table["loss"]},
                          columns_of={"D": "q"})  # fmt: skip

    def test_groups_without_a_holdout_are_refused_before_a_fit(self) -> None:
        with pytest.raises(ValueError, match="8 runs are too few to hold out the largest"):
            fj.choose_law(grid() | {"k": ["a"] * 8 + ["b"] * 8}, by="k")

    def test_too_few_runs(self) -> None:
        with pytest.raises(ValueError, match="3 runs are too few to hold out the largest"):
            fj.choose_law({"N": [1e8, 2e8, 4e8], "loss": [3.0, 2.8, 2.6]})

    def test_no_inputs(self) -> None:
        with pytest.raises(
            ValueError,
            match=r"no law of the catalogue can be fitted to the columns .*chinchilla needs",
        ):
            fj.choose_law({"loss": np.linspace(3, 2, 12), "name": [f"run {k}" for k in range(12)]})

    def test_a_table_without_a_column(self, choice: fj.LawChoice) -> None:
        with pytest.raises(ValueError, match="no column 'num_streams'"):
            choice.predict({"params": [1e9], "corpus": ["pile"]})

    def test_an_unknown_group(self, choice: fj.LawChoice) -> None:
        with pytest.raises(ValueError, match="the group corpus=code was not fitted"):
            choice.predict({"params": [1e9], "num_streams": [2], "corpus": ["code"]})

    def test_a_value_that_is_not_positive(self, choice: fj.LawChoice) -> None:
        with pytest.raises(ValueError, match="column 'num_streams': rows 1 are not positive"):
            choice.predict({"params": [1e9] * 2, "num_streams": [2, 0], "corpus": ["pile"] * 2})

    def test_shares_that_do_not_sum_to_1(self, mixed: fj.LawChoice) -> None:
        at = {"share_0": [0.5], "share_1": [0.3], "share_2": [0.3], "model": ["70M"]}
        with pytest.raises(ValueError, match="the shares of rows 0 do not sum to 1"):
            mixed.predict({name: np.array(own) for name, own in at.items()})

    def test_inputs_of_one_fit(self, choice: fj.LawChoice) -> None:
        with pytest.raises(TypeError, match="have the inputs params, num_streams; got params"):
            choice[0].predict(params=1e9)


@pytest.mark.usefixtures("folder")
class TestShell:
    def test_fit_and_predict(self, choice: fj.LawChoice) -> None:
        table = pd.DataFrame(table_of_streams())
        table.to_csv("runs.csv", index=False)
        found = farseer("fit", "runs.csv", "--law", "auto", "--json", "fit.json")
        assert found.exit_code == 0, found.stderr
        assert found.stdout.startswith("response: val_loss\n")
        again = farseer("predict", "fit.json", "runs.csv", "--json", "-")
        assert again.exit_code == 0, again.stderr
        again = farseer(
            "predict", "fit.json", "--N", "4e9", "--given", "Q=8", "--given", "num_streams=8",
            "--group", "corpus=pile",
        )  # fmt: skip
        assert again.exit_code == 2
        again = farseer("predict", "fit.json", "--N", "4e9", "--given", "P=8",
                        "--group", "corpus=pile")  # fmt: skip
        assert again.exit_code == 0, again.stderr
        own = choice.predict({"params": [4e9], "num_streams": [8], "corpus": ["pile"]})
        assert f"{own[0]:.5f}" in again.stdout

    def test_a_method_does_not_go_with_it(self) -> None:
        Path("runs.csv").write_text("N,loss\n1e8,3\n")
        refused(
            farseer("fit", "runs.csv", "--law", "auto", "--objective", "huber"),
            "--objective does not go with --law auto",
        )
        refused(
            farseer("bootstrap", "runs.csv", "--law", "auto"), "--law auto is for `farseer fit`"
        )


def test_streams_on_real_runs(shared_data: Path) -> None:
    """The runs of 4 streams, from those of 1 and 2."""
    table = pd.read_csv(shared_data / "named_inputs" / "parallel.csv")
    held = table.P == 4
    assert fj.choose_law(table[~held]).evaluate(table[held]).r2 > 0.999
