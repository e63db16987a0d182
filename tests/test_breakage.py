"""Mistakes and odd tables that once gave a wrong answer, or a message of Python or JAX."""

import datetime

import numpy as np
import pandas as pd
import pytest

import farseer_jax as fj

SIZES = np.tile(np.geomspace(1e8, 1e10, 6), 10)
SHARES = np.random.default_rng(0).dirichlet([2, 2, 2], 60)
COLUMNS = ("share_web", "share_code", "share_books")


@pytest.fixture(scope="module")
def mixed() -> pd.DataFrame:
    """Runs along a mixture that follow a law exactly."""
    loss = 300 / SIZES**0.3 + SHARES @ [1.5, 2.0, 1.3]
    shares = dict(zip(COLUMNS, SHARES.T, strict=True))
    return pd.DataFrame({"N": SIZES, "loss": loss, **shares})


@pytest.fixture(scope="module")
def mixture_fit(mixed: pd.DataFrame) -> fj.Fit:
    return fj.fit("A/N**alpha + sum(C[h]*h)", mixed, columns_of={"h": "share_*"})


@pytest.fixture(scope="module")
def labelled() -> dict[str, np.ndarray]:
    """Runs of two kinds, told apart by a number."""
    code = np.tile([0, 1], 30)
    return {"N": SIZES, "kind": code, "loss": 1.7 + np.where(code == 0, 500, 300) / SIZES**0.3}


@pytest.fixture(scope="module")
def category_fit(labelled: dict[str, np.ndarray]) -> fj.Fit:
    return fj.fit("E + sum(A[kind]*kind)/N**alpha", labelled, kinds={"kind": "category"})


@pytest.fixture(scope="module")
def groups() -> dict[str, np.ndarray]:
    """Two groups of one law."""
    day = [datetime.date(2026, 1, 1)] * 30 + [datetime.date(2026, 1, 2)] * 30
    scale = np.where(np.arange(60) < 30, 500, 300)
    return {"N": SIZES, "day": np.array(day, object), "loss": 1.7 + scale / SIZES**0.3}


@pytest.fixture(scope="module")
def one_group(groups: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The runs of the first group."""
    return {name: groups[name][:30] for name in ("N", "loss")}


@pytest.fixture(scope="module")
def fits(groups: dict[str, np.ndarray]) -> fj.Fits:
    return fj.fit("E + A/N**alpha", groups, by="day")


INPUTS = {"N": "positive", "h": "mixture"}


class TestMixtures:
    def test_shares_in_another_order_are_the_same_runs(
        self, mixed: pd.DataFrame, mixture_fit: fj.Fit
    ) -> None:
        other = fj.Runs.from_dataframe(mixed[mixed.columns[::-1]], inputs=INPUTS)
        assert other.shares["h"] == COLUMNS[::-1]
        assert mixture_fit.evaluate(other).mean_relative_error < 1e-6

    def test_runs_of_other_shares_are_refused(
        self, mixed: pd.DataFrame, mixture_fit: fj.Fit
    ) -> None:
        renamed = mixed.rename(columns={"share_web": "share_news"})
        other = fj.Runs.from_dataframe(renamed, inputs=INPUTS)
        with pytest.raises(ValueError, match=r"fitted to, share_web.*give them the same names"):
            mixture_fit.evaluate(other)

    @pytest.mark.parametrize("as_table", [dict, lambda point: pd.DataFrame(point, index=[0])])
    def test_shares_by_name_are_put_in_order(self, mixture_fit: fj.Fit, as_table: type) -> None:
        point = as_table({"share_books": 0.2, "share_web": 0.5, "share_code": 0.3})
        expected = mixture_fit.predict(N=1e9, h=[0.5, 0.3, 0.2])
        assert np.all(mixture_fit.predict(N=1e9, h=point) == expected)

    def test_a_share_that_was_not_fitted_is_refused(self, mixture_fit: fj.Fit) -> None:
        with pytest.raises(ValueError, match="fitted to, share_web"):
            mixture_fit.predict(N=1e9, h={"web": 0.5, "code": 0.3, "books": 0.2})

    def test_too_few_shares_are_refused(self, mixture_fit: fj.Fit) -> None:
        with pytest.raises(ValueError, match=r"h: expected the 3 shares .*got 2"):
            mixture_fit.predict(N=1e9, h=[0.5, 0.5])


class TestCategories:
    @pytest.mark.parametrize("label", ["1", 1, 1.0])
    def test_a_number_is_a_label(self, category_fit: fj.Fit, label: object) -> None:
        assert category_fit.predict(N=1e9, kind=label) == pytest.approx(1.7 + 300 / 1e9**0.3)

    def test_numbers_are_a_label_of_each_point(self, category_fit: fj.Fit) -> None:
        at_each = category_fit.predict(N=1e9, kind=[0, 1])
        assert at_each == pytest.approx(1.7 + np.array([500, 300]) / 1e9**0.3)

    def test_an_unknown_number_is_refused(self, category_fit: fj.Fit) -> None:
        with pytest.raises(ValueError, match="the law was fitted to 0, 1, not '2'"):
            category_fit.predict(N=1e9, kind=2)

    def test_a_column_of_labels_is_told_from_a_mixture(
        self, labelled: dict[str, np.ndarray]
    ) -> None:
        with pytest.raises(ValueError, match=r'kinds=\{"kind": "category"\} in Python'):
            fj.fit("E + sum(A[kind]*kind)/N**alpha", labelled)

    def test_an_input_may_be_called_as_an_option_of_an_interval(self, category_fit: fj.Fit) -> None:
        found = fj.bootstrap(category_fit, 8)
        with pytest.raises(TypeError, match="give the inputs by position, in the order kind, N"):
            found.interval(kind="1", N=1e9)
        assert found.interval("1", 1e9).estimate == category_fit.predict(kind="1", N=1e9)


class TestGroups:
    def test_dates_go_to_json(self, fits: fj.Fits) -> None:
        again = fj.Fits.from_json(fits.to_json())
        assert again.to_json() == fits.to_json()
        assert again.of({"day": datetime.date(2026, 1, 2)}).law.A == fits[1].law.A

    def test_a_group_is_asked_by_its_columns(self, fits: fj.Fits) -> None:
        with pytest.raises(TypeError, match="group: expected a label for each grouping column"):
            fits.of("2026-01-01")  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="'day'"):
            fits.of({"date": "2026-01-01"})

    def test_a_label_that_was_read_as_a_float_is_found(self, groups: dict[str, np.ndarray]) -> None:
        numbered = groups | {"day": np.repeat([1, 2], 30)}
        found = fj.fit("E + A/N**alpha", numbered, by="day")
        assert found.of({"day": 2.0}) is found[1]

    def test_the_group_with_too_few_runs_is_named(self, groups: dict[str, np.ndarray]) -> None:
        small = groups | {"day": np.array(["new"] * 2 + ["old"] * 58)}
        with pytest.raises(ValueError, match=r"^day=new, loss: 2 runs cannot determine"):
            fj.fit("E + A/N**alpha", small, by="day")

    @pytest.mark.parametrize("function", [fj.bootstrap, fj.error_bars, fj.influence])
    def test_what_is_about_one_fit_says_so(self, fits: fj.Fits, function: type) -> None:
        with pytest.raises(TypeError, match=r"expected a Fit, such .* got Fits: take one of them"):
            function(fits)


class TestTables:
    def test_predictions_for_runs_are_not_asked_with_a_table(
        self, mixed: pd.DataFrame, mixture_fit: fj.Fit
    ) -> None:
        with pytest.raises(TypeError, match="expected Runs, got DataFrame"):
            mixture_fit.evaluate(mixed)  # type: ignore[arg-type]
        runs = fj.Runs.from_dataframe(mixed, inputs=type(mixture_fit.law).inputs())  # its remedy
        assert mixture_fit.evaluate(runs).r2 > 0.999999

    @pytest.mark.parametrize("source", [None, {"format": "farseer_jax.fit"}, b"{}"])
    def test_a_fit_is_read_from_a_path_or_text(self, source: object) -> None:
        with pytest.raises(TypeError, match=r"expected a path or JSON text, .*got"):
            fj.Fit.from_json(source)  # type: ignore[arg-type]


class TestSettings:
    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"fixed": {"k": -1}}, "fixed: 'k' must be 0 or a positive number, got -1"),
            ({"bounds": {"E": (2, 1)}}, "bounds: 'E' needs low < high, got low=2 and high=1"),
            ({"tied": [("a", "k")]}, "the solver searches ln k but a itself; write one name"),
        ],
    )
    def test_each_mistake_has_its_remedy(
        self, one_group: dict[str, np.ndarray], settings: dict[str, object], message: str
    ) -> None:
        with pytest.raises(ValueError, match=message):
            fj.fit("E + 1/(k*N)**a", one_group, fj.LeastSquares(**settings))  # type: ignore[arg-type]

    def test_one_name_for_both_ties_them(self, one_group: dict[str, np.ndarray]) -> None:
        found = fj.fit("E + 1/(k*N)**k", one_group)
        assert found.law.parameter_names() == ("E", "k")


class TestOptions:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"by": 3}, "by: expected a name or a list of names, got int"),
            ({"weights": SIZES}, "weights: expected the name of a column, got ndarray"),
            ({"columns_of": "N"}, "columns_of: expected a mapping by name, .* got str"),
            ({"kinds": "real"}, "kinds: expected a mapping by name, .* got str"),
        ],
    )
    def test_other_types_are_refused(
        self, groups: dict[str, np.ndarray], options: dict[str, object], message: str
    ) -> None:
        with pytest.raises(TypeError, match=message):
            fj.fit("E + A/N**alpha", groups, **options)  # type: ignore[arg-type]

    def test_a_unit_is_a_number(self, groups: dict[str, np.ndarray]) -> None:
        with pytest.raises(
            ValueError, match="N_unit must be positive and finite, such as 1e9, got '1e9'"
        ):
            fj.fit("E + A/N**alpha", groups, units={"N": "1e9"})  # type: ignore[dict-item]

    def test_masked_values_stay_masked(self, groups: dict[str, np.ndarray]) -> None:
        masked = groups | {"N": np.ma.masked_equal(SIZES, SIZES[0])}
        with pytest.raises(ValueError, match=r"column 'N': rows 0, 6, .* missing or NaN"):
            fj.fit("E + A/N**alpha", masked)


class TestLaws:
    def test_a_domain_has_its_ends_in_order(self) -> None:
        with pytest.raises(ValueError, match="got 2 and 1"):
            fj.Domain(2, 1)

    def test_a_law_without_parameters_is_refused(self, one_group: dict[str, np.ndarray]) -> None:
        class Nothing(fj.Law):
            def loss(self, N: fj.Real) -> fj.Real:
                return N

        with pytest.raises(ValueError, match="the law 'Nothing' has no parameters"):
            fj.fit(Nothing, one_group)

    @pytest.mark.parametrize("result", ["text", None, (1.0, 2.0)])
    def test_a_law_that_returns_no_number_is_refused(
        self, one_group: dict[str, np.ndarray], result: object
    ) -> None:
        law = fj.law(lambda N, *, E: result)
        with pytest.raises(TypeError, match=r"must return one number per run, got \w+"):
            fj.fit(law, one_group)
