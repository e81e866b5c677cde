"""The protocol holds: nothing leaks, the same seed gives the same figures, every candidate is one honest pipeline."""

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GridSearchCV, ParameterGrid

from core.dataset.table import as_table
from core.errors import TableError
from core.evaluation.metrics import scores
from core.models.training_run import TrainingRun
from core.schema import COLUMNS, EMOTIONS, LABEL, PROBA
from core.training import ablations, folds
from core.training import run as run_module
from core.training.candidates import ALGORITHMS, CHAMPION, LABELS, all_candidates, searched
from core.training.run import train_and_compare
from core.training.run_evaluation import run_evaluation
from tests.small_training import NAMES, TREES, few_candidates, in_one_process, small_recipe, small_run, small_table


@pytest.fixture(autouse=True)
def small_forests(monkeypatch):
    monkeypatch.setattr("core.training.candidates.TREES", TREES)


@pytest.fixture(scope="module")
def clips() -> folds.Clips:
    return folds.distinct_clips(small_table())


@pytest.fixture(scope="module")
def run() -> TrainingRun:
    return small_run()[0]


def test_copies_are_dropped_or_grouped(clips):
    assert 160 not in clips.X.index  # exact copy of row 0
    near = clips.group[[list(clips.X.index).index(row) for row in (0, 161)]]
    assert near[0] == near[1]
    assert len(np.unique(clips.group)) == 160


@pytest.mark.parametrize("seed", range(3))
def test_no_recording_is_on_both_sides_of_a_fold(clips, seed):
    tested = []
    for trained, test in clips.folds(seed=seed):
        assert not set(clips.group[trained]) & set(clips.group[test])
        assert set(clips.y[test]) == set(EMOTIONS)
        tested += list(test)
    assert sorted(tested) == list(range(len(clips.y)))


def test_no_recording_is_both_held_out_and_trained_on(clips):
    assert not set(clips.group[clips.held_out]) & set(clips.group[~clips.held_out])
    assert clips.held_out.mean() == pytest.approx(0.15, abs=0.03)


class SameFolds(folds.Clips):
    """Folds that do not look at the labels, so that labels can be changed without changing the folds."""

    def folds(self, *, seed):
        parts = np.array_split(np.random.default_rng(seed).permutation(len(self.y)), folds.FOLDS)
        everything = np.arange(len(self.y))
        return [(np.setdiff1d(everything, part), part) for part in parts]


@pytest.mark.parametrize("kind", ["fold", "tuned"])
def test_nothing_is_learned_from_the_tested_clips(clips, kind):
    """Other tested clips may be monsters with wrong labels: the prediction of this one stays the same to the bit.

    So medians, scales, temperature and searched settings come from the training clips alone.
    """
    candidate = all_candidates(0)["logistic_regression" if kind == "tuned" else CHAMPION]
    estimator = searched(candidate, seed=0) if kind == "tuned" else candidate.pipeline
    task = folds.Task(kind, candidate.name, estimator, repeat=0, fold=1)
    plain = SameFolds(clips.X, clips.y, clips.group, clips.held_out)
    _, test = plain.folds(seed=0)[1]
    X, y = plain.X.copy(), plain.y.copy()
    X.iloc[test[1:]] = X.iloc[test[1:]] * 50 + 1000
    y[test] = np.roll(y[test], 1)
    first = [folds.fit(task, c, seed=0).proba[0.0][0] for c in (plain, SameFolds(X, y, plain.group, plain.held_out))]
    np.testing.assert_array_equal(first[0], first[1])
    X.iloc[plain.folds(seed=0)[1][0]] *= 1.5  # the training clips, in contrast, matter
    other = folds.fit(task, SameFolds(X, y, plain.group, plain.held_out), seed=0).proba[0.0][0]
    assert np.abs(other - first[0]).max() > 1e-3


def test_a_search_keeps_recordings_together(clips):
    search = searched(all_candidates(0)["logistic_regression"], seed=0)
    for trained, test in search.cv.split(clips.X, clips.y, clips.group):
        assert not set(clips.group[trained]) & set(clips.group[test])
    with pytest.raises(ValueError, match="groups"):
        search.fit(clips.X, clips.y)


def test_the_eight_algorithms_and_three_ensembles():
    made = all_candidates(0)
    assert list(made) == list(LABELS)
    assert len(ALGORITHMS) == 8
    assert all(made[name].grid for name in ALGORITHMS)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_every_setting_of_a_grid_exists(name):
    candidate = all_candidates(0)[name]
    known = candidate.pipeline.get_params()
    assert set(candidate.grid) <= set(known)
    kinds = {"grid": GridSearchCV}
    assert isinstance(searched(candidate, seed=0), kinds.get(candidate.search, object))
    assert len(ParameterGrid(dict(candidate.grid))) > 1


@pytest.mark.parametrize("name", LABELS)
def test_every_candidate_takes_missing_features_and_gives_probabilities_in_order(clips, name):
    few = np.concatenate([np.flatnonzero(clips.y == e)[:12] for e in EMOTIONS])
    X = clips.X.iloc[few].mask(np.random.default_rng(0).random((48, 50)) < 0.05)
    pipeline = all_candidates(0)[name].pipeline
    if name == "gradient_boosting":
        pipeline.set_params(model__n_estimators=5)
    with warnings.catch_warnings():
        warnings.simplefilter("error", FutureWarning)
        pipeline.fit(X, clips.y[few])
    assert list(pipeline.classes_) == list(EMOTIONS)
    proba = pipeline.predict_proba(X)
    np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(pipeline.predict_proba(X.iloc[[0]]), proba[:1], atol=1e-6)


def test_ablations_change_one_thing_and_name_their_base():
    made = ablations.options(0)
    assert {option.base for option in made.values()} == {CHAMPION, ablations.PLAIN, *ALGORITHMS}
    assert [name for name, option in made.items() if option.base == CHAMPION] == [ablations.PLAIN]
    assert {"smote", "pca_20", "pca_30", "pca_40", "select_20", "no_scaling", "no_logs", "no_ratios"} <= set(made)
    assert sum(option.kind == "group" for option in made.values()) == 7
    assert made["smote"].pipeline.named_steps["smote"].random_state == 0


def test_an_option_runs_inside_the_fold(clips):
    for name in ("smote", "pca_20", "select_20", "without_rhythm"):
        task = folds.Task("ablation", name, ablations.options(0)[name].pipeline, 0, 0, (0.05,))
        done = folds.fit(task, clips, seed=0)
        assert done.proba[0.05].shape == (len(done.test), 4)
        assert not np.allclose(done.proba[0.05], done.proba[0.0])


def test_a_share_of_the_training_clips(clips):
    whole = folds.Task("learning", "knn", all_candidates(0)["knn"].pipeline, 0, 0)
    done, half = (folds.fit(task, clips, seed=0) for task in (whole, replace(whole, share=0.5)))
    assert half.train == pytest.approx(done.train / 2, abs=1)
    np.testing.assert_array_equal(half.test, done.test)


def test_every_development_clip_is_predicted_once_a_repeat(run):
    development = set(run.rows.query("not held_out")["row"])
    for _, part in run.out_of_fold.groupby(["model", "repeat"]):
        assert len(part) == len(development)
        assert set(part["row"]) == development
    assert set(run.held_out["row"]) == set(run.rows.query("held_out")["row"])
    assert set(run.out_of_fold["model"]) == set(NAMES)


def test_figures_come_from_the_stored_predictions(run):
    own = run.out_of_fold.query("model == 'blend'").merge(run.rows, on="row")
    again = scores(own, seed=run.seed)
    evaluation = run_evaluation(run)
    assert evaluation.rows == ["development", "held_out"]
    for line in again.to_dict("records"):
        found = evaluation.figure(line["measure"], emotion=line["emotion"])
        assert (found.value, found.low, found.high) == pytest.approx(
            (line["value"], line["low"], line["high"]), nan_ok=True
        )
    assert evaluation.figure("macro_f1").clips == int((~run.rows["held_out"]).sum())


def test_the_served_model_never_saw_the_held_out_clips(run):
    """It is the pipeline that fitting on the development clips alone gives."""
    clips = folds.distinct_clips(small_table())
    development = clips.part(~clips.held_out)
    again = all_candidates(0)[CHAMPION].pipeline.fit(development.X, development.y)
    ours = run.pipelines[CHAMPION].predict_proba(clips.X)
    np.testing.assert_allclose(ours, again.predict_proba(clips.X), atol=1e-12)
    own = run.held_out.query("model == 'blend'").set_index("row")[list(PROBA)]
    np.testing.assert_allclose(own, run.pipelines[CHAMPION].predict_proba(clips.X.loc[own.index]), atol=1e-5)


def test_the_champion_is_judged_on_all_clips_by_models_that_never_saw_them(clips, monkeypatch):
    """A whole run, made small: its headline stands on every clip, the comparison and the served model do not."""
    monkeypatch.setattr(run_module, "all_candidates", lambda seed: {n: few_candidates(seed)[n] for n in NAMES})
    monkeypatch.setattr(run_module, "ALGORITHMS", ("logistic_regression",))
    monkeypatch.setattr(run_module, "LEARNERS", ("knn",))
    monkeypatch.setattr(run_module, "EXPLAINED", ())
    monkeypatch.setattr(run_module, "REPEATS", 1)
    with small_recipe():
        option = ablations.options(0)[ablations.PLAIN]
    monkeypatch.setattr(ablations, "options", lambda seed: {option.name: option})
    told = []
    with small_recipe():
        whole = train_and_compare(small_table(), seed=0, progress=lambda share, text: told.append(share))
    assert told == sorted(told)
    assert set(whole.all_clips["row"]) == set(whole.rows["row"])
    assert set(whole.out_of_fold["row"]) == set(whole.rows.query("not held_out")["row"])
    assert whole.metrics["protocol"]["judged"] == len(whole.rows)
    trained, test = clips.folds(seed=0)[0]
    with small_recipe():
        again = all_candidates(0)[CHAMPION].pipeline.fit(clips.X.iloc[trained], clips.y[trained])
    own = whole.all_clips.set_index("row").loc[clips.X.index[test], list(PROBA)]
    np.testing.assert_allclose(own, again.predict_proba(clips.X.iloc[test]), atol=1e-5)
    assert set(whole.tables["tuned_against_default"]["a"]) == {"logistic_regression_tuned"}
    assert whole.tables["ablations"]["name"].tolist() == [ablations.PLAIN]
    assert whole.tables["learning_curve"]["train"].is_monotonic_increasing


def test_progress_rises_to_the_end():
    told = [share for share, _ in small_run()[1]]
    assert told == sorted(told)
    assert told[-1] == 1


def test_facts_of_the_run_are_kept(run):
    table = small_table()
    assert (run.data_hash, run.synthetic, run.seed, run.quick) == (table.content_hash, True, 0, True)
    assert {"python", "scikit-learn", "numpy"} <= set(run.versions)
    counts = {"rows": 161, "groups": 160, "judged": 137, "development": 137, "held_out": 24}
    assert run.metrics["protocol"] == {**counts, "folds": 5, "repeats": 1, "resamples": 1000}
    assert run.parameters["blend"]["rda__pooled"] == 0.8
    assert run.parameters["blend"]["svm__C"] == 2.0


def test_the_same_table_and_seed_give_the_same_figures(run, monkeypatch):
    """Also where the folds are fitted in one process, and not on all cores."""
    small = {name: all_candidates(0)[name] for name in ("knn", CHAMPION)}
    monkeypatch.setattr(run_module, "all_candidates", lambda seed: small)
    assert set(small) < set(NAMES)
    with in_one_process():
        again = train_and_compare(small_table(), seed=0, quick=True)
    ours, theirs = (r.out_of_fold[r.out_of_fold["model"].isin(small)].reset_index(drop=True) for r in (run, again))
    pd.testing.assert_frame_equal(ours, theirs)
    assert again.metrics["robustness"] == run.metrics["robustness"]


def test_too_few_clips_are_refused_with_the_emotion():
    frame = small_table().frame
    few = frame[(frame[LABEL] != "sad") | (frame.groupby(LABEL).cumcount() < 8)]
    with pytest.raises(TableError, match=r"There are \d training clips labelled sad; at least 10 are needed"):
        train_and_compare(as_table(few, origin="upload"), quick=True)


def test_the_published_table(published):
    clips = folds.distinct_clips(as_table(published, origin="environment"))
    assert len(clips.y) == 388
    assert clips.X.shape == (388, len(COLUMNS))
    assert 55 <= clips.held_out.sum() <= 62
