"""SHAP values: exact where theory gives them, equal to other implementations, additive, and with an honest error."""

import itertools
from math import factorial

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from core.dataset import stand_in
from core.errors import ModelError
from core.models.explanation import (
    base_model,
    explain_clip,
    explain_table,
    importance,
    interaction,
    make_background,
    read_shap,
    write_shap,
)
from core.models.prediction import Model
from core.models.shapley import CHUNK, shapley
from core.schema import COLUMNS, EMOTIONS, LABEL, FeatureVector
from core.training.candidates import calibrated, prepared
from core.training.estimators import RegularisedDiscriminant

pytestmark = pytest.mark.xdist_group("explainer")  # one worker loads and compiles it, which takes eight seconds


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return stand_in.sample(n_per_class=40)


@pytest.fixture(scope="module")
def X(table) -> pd.DataFrame:
    return table[list(COLUMNS)]


@pytest.fixture(scope="module")
def background(table) -> pd.DataFrame:
    return make_background(table, table[LABEL])


@pytest.fixture(scope="module")
def blend(X, table):
    members = [("rda", RegularisedDiscriminant()), ("lr", LogisticRegression(C=0.1, max_iter=2000))]
    trees = ("et", ExtraTreesClassifier(30, random_state=0))
    voting = VotingClassifier([*members, trees], voting="soft")
    return prepared(calibrated(voting, seed=0)).fit(X, table[LABEL].to_numpy())


def model(pipeline) -> Model:
    return Model("m", pipeline, EMOTIONS, "test")


def vector(X: pd.DataFrame, row: int, **missing: float) -> FeatureVector:
    values = X.iloc[row].to_numpy().copy()
    for column, value in missing.items():
        values[COLUMNS.index(column)] = value
    return FeatureVector("clip", "test", values)


# --- the values themselves -------------------------------------------------------------------------------------------


def exact(f, x: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Shapley values by their definition: every coalition, weighted. Shape (m, k)."""
    m = len(x)

    def worth(coalition) -> np.ndarray:
        rows = background.copy()
        rows[:, list(coalition)] = x[list(coalition)]
        return f(rows).mean(axis=0)

    phi = np.zeros((m, f(background).shape[1]))
    for k in range(m):
        others = [j for j in range(m) if j != k]
        for size in range(m):
            weight = factorial(size) * factorial(m - size - 1) / factorial(m)
            for coalition in itertools.combinations(others, size):
                phi[k] += weight * (worth((*coalition, k)) - worth(coalition))
    return phi


def crooked(rows: np.ndarray) -> np.ndarray:
    """A function with interactions of all orders."""
    a, b, c, d, e = rows.T
    return np.column_stack([np.tanh(a * b + c) * d + e, np.exp(-((a - d) ** 2)) * b * c, a + 2 * e])


def test_sampled_values_approach_the_definition():
    rng = np.random.default_rng(0)
    x, background = rng.normal(size=5), rng.normal(size=(6, 5))
    truth = exact(crooked, x, background)
    found = []
    for seed in range(20):
        phi, base = shapley(crooked, x[None], background, orders=4, seed=seed)
        np.testing.assert_allclose(base + phi[0].sum(axis=0), crooked(x[None])[0], atol=1e-10)
        found.append(phi[0])
    assert np.abs(np.mean(found, axis=0) - truth).max() < 0.1 * np.abs(truth).max()
    np.testing.assert_allclose(found[0][:, 2], truth[:, 2], atol=1e-10)  # what only adds up is exact


def test_a_feature_that_is_not_used_or_does_not_differ_gets_nothing():
    rng = np.random.default_rng(1)
    background = rng.normal(size=(4, 5))
    background[:, 1] = 0.5
    x = np.array([1.0, 0.5, np.nan, 2.0, -1.0])

    def blind(rows: np.ndarray) -> np.ndarray:
        return np.column_stack([rows[:, 0] * rows[:, 1] + rows[:, 3] ** 2, rows[:, 3]])

    phi, _ = shapley(blind, x[None], background, orders=2, seed=0)
    np.testing.assert_allclose(phi[0, [1, 2, 4], 0], 0, atol=1e-12)


@pytest.mark.parametrize("alike", [False, True])
def test_values_are_those_of_the_permutation_explainer_of_the_shap_library(alike):
    import shap

    rng = np.random.default_rng(2)
    x, background = rng.normal(size=(2, 5)), rng.normal(size=(6, 5))
    if alike:  # values that a typical clip shares with the clip
        background[0], background[1:3, 2], background[:, 4] = x[0], x[0, 2], x[0, 4]
    masker = shap.maskers.Independent(background, max_samples=6)
    state = np.random.get_state()  # noqa: NPY002  (the library seeds numpy's global generator)
    theirs = shap.PermutationExplainer(crooked, masker, seed=7)(x, max_evals=3 * 11, silent=True)
    np.random.set_state(state)  # noqa: NPY002
    phi, base = shapley(crooked, x, background, orders=3, seed=7)
    np.testing.assert_allclose(phi, theirs.values, atol=1e-13)
    np.testing.assert_allclose(base, theirs.base_values[0], atol=1e-14)


def test_an_explanation_asks_the_model_once_and_no_row_of_an_order_twice():
    rng = np.random.default_rng(3)
    x, background, asked = rng.normal(size=(1, 5)), rng.normal(size=(6, 5)), []

    def counted(rows: np.ndarray) -> np.ndarray:
        asked.append(len(rows))
        return crooked(rows)

    shapley(counted, x, background, orders=3, seed=0)
    assert asked == [6 + 1 + 3 * 6 * (2 * 5 - 2)]  # typical clips, the clip, and all steps between them
    asked.clear()
    background[:, 1] = x[0, 1]  # nothing differs in this feature
    shapley(counted, x, background, orders=3, seed=0)
    assert asked == [6 + 1 + 3 * 6 * (2 * 4 - 2)]
    asked.clear()
    shapley(counted, x, background, orders=CHUNK // 30, seed=0)
    assert max(asked) <= CHUNK < sum(asked)


def test_values_agree_with_the_tree_explainer_of_the_shap_library(X, table, background):
    import shap

    forest = RandomForestClassifier(40, max_depth=6, random_state=0).fit(X.to_numpy(), table[LABEL].to_numpy())
    explainer = shap.TreeExplainer(forest, background.to_numpy(), model_output="probability")
    theirs = explainer.shap_values(X.to_numpy()[:3], check_additivity=False)  # exact, shape (3, 50, 4)
    for row in range(3):
        ours = explain_clip(model(_named(forest)), vector(X, row), background, orders=12, seed=row)
        assert np.abs(ours["shap"].to_numpy().reshape(4, 50).T - theirs[row]).max() < 0.01
    np.testing.assert_allclose(ours.groupby("emotion")["base"].first(), explainer.expected_value, atol=1e-9)


class _named:
    """The forest was fitted without column names."""

    def __init__(self, forest):
        self.forest = forest

    def predict_proba(self, X):
        return self.forest.predict_proba(X.to_numpy())


def test_a_linear_models_values_are_exact(X, table, background):
    """For a linear function: coefficient times the distance from the background's mean."""
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)).fit(X, table[LABEL])

    class Logits:
        def predict_proba(self, frame):
            return pipeline.decision_function(frame)

    ours = explain_clip(model(Logits()), vector(X, 7), background, orders=1)
    slope = pipeline[-1].coef_ / pipeline[0].scale_
    expected = slope * (X.iloc[7].to_numpy() - background.to_numpy().mean(axis=0))
    np.testing.assert_allclose(ours["shap"].to_numpy().reshape(4, 50), expected, atol=1e-10)


# --- one clip --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_calibrated", [False, True])
def test_contributions_and_base_add_up_to_the_probability(X, background, blend, is_calibrated):
    for clip in (vector(X, 0), vector(X, 100, _Tempo_Mean=np.nan, _Roughness_Mean=np.nan)):
        table = explain_clip(model(blend), clip, background, calibrated=is_calibrated)
        explained = blend if is_calibrated else base_model(blend)
        total = table.groupby("emotion")["shap"].sum() + table.groupby("emotion")["base"].first()
        np.testing.assert_allclose(total[list(EMOTIONS)], explained.predict_proba(clip.row())[0], atol=1e-10)
        assert table.columns.tolist() == ["clip", "emotion", "feature", "value", "shap", "base"]
        np.testing.assert_array_equal(table["value"].to_numpy().reshape(4, 50)[2], clip.values)


def test_features_that_the_model_leaves_out_get_nothing(X, background, blend):
    table = explain_clip(model(blend), vector(X, 3), background).set_index("feature")["shap"]
    for column in blend["columns"].drop:
        assert (table[column] == 0).all()


def test_the_same_seed_gives_the_same_values_and_leaves_numpy_alone(X, background, blend):
    state = np.random.get_state()[1].tolist()  # noqa: NPY002
    first = explain_clip(model(blend), vector(X, 3), background, seed=4)
    pd.testing.assert_frame_equal(first, explain_clip(model(blend), vector(X, 3), background, seed=4))
    assert np.random.get_state()[1].tolist() == state  # noqa: NPY002


def test_a_blend_is_explained_as_the_average_of_its_members(X, background, blend):
    steps, voting = blend[:-1], base_model(blend)[-1]
    tables = []
    for member in voting.estimators_:
        alone = make_pipeline(*[step for _, step in steps.steps], member)
        tables.append(explain_clip(model(alone), vector(X, 50), background, seed=2)["shap"])
    whole = explain_clip(model(blend), vector(X, 50), background, seed=2)["shap"]
    np.testing.assert_allclose(whole, np.mean(tables, axis=0), atol=1e-12)


def test_the_base_of_a_calibrated_model_keeps_the_order_and_a_plain_model_is_itself(X, blend):
    base = base_model(blend)
    assert type(base[-1]).__name__ == "VotingClassifier"
    np.testing.assert_array_equal(base.predict_proba(X).argmax(axis=1), blend.predict_proba(X).argmax(axis=1))
    assert base_model(base[-1]) is base[-1]


# --- the background --------------------------------------------------------------------------------------------------


def test_the_background_is_typical_and_holds_no_clip(X, table, background):
    assert len(background) == 24
    assert (background >= X.min()).to_numpy().all()
    assert (background <= X.max()).to_numpy().all()
    clips = {tuple(row) for row in X.round(3).to_numpy()}
    assert not clips & {tuple(row) for row in background.round(3).to_numpy()}
    many = make_background(table, table[LABEL], per_emotion=400)
    own, like = X[table[LABEL] == "sad"], many.iloc[1200:]
    medians = own.median()
    assert ((like.median() - medians).abs() <= 0.1 * own.std() + 1e-9).all()
    rank = own.corr(method="spearman").to_numpy() - like.corr(method="spearman").to_numpy()
    assert np.abs(rank).mean() < 0.06
    pd.testing.assert_frame_equal(background, make_background(table, table[LABEL]))


def test_the_background_can_do_with_missing_values_but_not_without_an_emotion(X, table):
    holes = X.mask(np.random.default_rng(0).random(X.shape) < 0.2).assign(_Tempo_Mean=np.nan)
    made = make_background(holes, table[LABEL])
    assert made["_Tempo_Mean"].isna().all()
    assert made.drop(columns="_Tempo_Mean").notna().to_numpy().all()
    with pytest.raises(ModelError, match="at least 2 clips of each emotion; sad has 0"):
        make_background(X[table[LABEL] != "sad"], table.loc[table[LABEL] != "sad", LABEL])


# --- tables ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def explained(X, background, blend) -> pd.DataFrame:
    return explain_table(blend, X.iloc[::20], background)


def test_the_table_of_all_clips_adds_up(X, background, blend, explained):
    base = base_model(blend)
    total = explained.groupby(["row", "emotion"], observed=True)["shap"].sum().reset_index()
    total = total.pivot_table(index="row", columns="emotion", values="shap", observed=True)[list(EMOTIONS)]
    expected = base.predict_proba(X.iloc[::20]) - base.predict_proba(background).mean(axis=0)
    np.testing.assert_allclose(total, expected, atol=1e-5)
    assert explained["shap"].dtype == np.float32
    assert explained["row"].unique().tolist() == X.index[::20].tolist()


def test_progress_is_told(X, background, blend):
    told: list[tuple[int, int]] = []
    explain_table(blend, X.iloc[:2], background, progress=lambda done, of: told.append((done, of)))
    assert told == [(1, 2), (2, 2)]


def test_explanations_come_back_from_their_file(explained, tmp_path):
    path = tmp_path / "comparison" / "shap_blend.parquet"
    write_shap(explained, path)
    back = read_shap(path)
    pd.testing.assert_frame_equal(back.drop(columns="shap"), explained.drop(columns="shap"))
    of_0_2 = tmp_path / "of_0_2.parquet"
    write_shap(explained.drop(columns="base"), of_0_2)
    assert "base" not in read_shap(of_0_2)
    np.testing.assert_allclose(back["shap"], explained["shap"], atol=5.1e-5)
    with pytest.raises(ModelError, match="shap_none.parquet, cannot be read"):
        read_shap(tmp_path / "shap_none.parquet")
    path.write_bytes(b"no table")
    with pytest.raises(ModelError, match="shap_blend.parquet, cannot be read"):
        read_shap(path)


def test_importance_by_feature_and_by_group(explained):
    table = importance(explained)
    assert len(table) == 50
    assert table["importance"].is_monotonic_decreasing
    assert table["share"].sum() == pytest.approx(1)
    top = table.iloc[0]
    own = explained.loc[explained["feature"] == top["feature"], "shap"]
    assert top["importance"] == pytest.approx(own.abs().mean())
    groups = importance(explained, by="group", per_emotion=True)
    assert set(groups["group"]) == {"dynamics", "rhythm", "timbre", "tonality"}
    assert groups.groupby("emotion")["share"].sum().tolist() == pytest.approx([1, 1, 1, 1])
    with pytest.raises(ModelError, match="'feature' or by 'group'"):
        importance(explained, by="row")


def test_features_that_cancel_count_as_nothing_together():
    lines = [
        ("a", "sad", "_Tempo_Mean", 0.3),
        ("a", "sad", "_Eventdensity_Mean", -0.3),
        ("a", "sad", "_RMSenergy_Mean", 0.1),
    ]
    table = pd.DataFrame(lines, columns=["row", "emotion", "feature", "shap"])
    groups = importance(table, by="group").set_index("group")["importance"]
    assert groups.to_dict() == pytest.approx({"dynamics": 0.1, "rhythm": 0.0})


# --- what if, and together -------------------------------------------------------------------------------------------


def test_interaction_is_zero_where_features_add_up_and_exact_where_they_multiply(X):
    a, b = COLUMNS.index("_Tempo_Mean"), COLUMNS.index("_RMSenergy_Mean")

    class Product:
        def predict_proba(self, frame):
            v = frame.to_numpy()
            return np.column_stack([v[:, a] + v[:, b], v[:, a] * v[:, b], v[:, a] ** 2, v[:, 3]])

    table = interaction(model(Product()), X.iloc[:30], "_Tempo_Mean", "_RMSenergy_Mean", others=3000)
    by = table.pivot_table(index="row", columns="emotion", values="interaction")
    assert by[["angry", "relax", "sad"]].abs().to_numpy().max() < 1e-9
    one, two = X.iloc[:30, a], X.iloc[:30, b]
    hosts = X.iloc[:30]  # the clips themselves are the hosts
    mean_one, mean_two = hosts.iloc[:, a].mean(), hosts.iloc[:, b].mean()
    expected = one * two - one * mean_two - mean_one * two + (hosts.iloc[:, a] * hosts.iloc[:, b]).mean()
    np.testing.assert_allclose(by["happy"], expected, atol=0.1 * expected.std())
