"""Labels of people that the model contradicts: planted ones come first, and only labels that stand are listed."""

import labelled
import numpy as np
import pytest

from core import store
from core.dataset.loading import load_table
from core.models.description import describe_model_in_use
from core.schema import EMOTIONS, LABEL
from core.settings import Settings
from core.training import label_checks, labelled_data


@pytest.fixture(scope="module")
def published(table_path):
    return load_table(Settings(table=table_path), allow_download=False)


@pytest.fixture
def db(tmp_path):
    opened = store.open_store(f"sqlite:///{tmp_path / 'feedback.db'}")
    yield opened
    store.close_store(opened)


@pytest.fixture
def answered(db):
    """Twelve clips of music that two raters label as they are; the model contradicts the first two."""
    music = labelled.music(3)
    labelled.keep_clips(db, music, path="clips/x")
    proba = np.array([[0.91 if e == y else 0.03 for e in EMOTIONS] for y in music[LABEL]])
    proba[:2] = np.roll(proba[:2], 1, axis=1)
    labelled.predict(db, music, proba, version=describe_model_in_use(Settings()).version)
    labelled.answer(db, music)
    return music


def listed(db, published):
    data = labelled_data.training_data(published, labelled_data.labels(db))
    return label_checks.doubtful_answers(db, describe_model_in_use(Settings()), data, Settings())


def test_planted_contradictions_are_listed_with_the_suggested_emotion(db, published, answered):
    found = listed(db, published)
    assert set(found["clip_id"]) == set(answered.index[:2])
    assert found.set_index("clip_id")["label"].to_dict() == answered[LABEL].iloc[:2].to_dict()
    after = {e: EMOTIONS[(EMOTIONS.index(e) + 1) % 4] for e in EMOTIONS}
    assert (found["suggested"] == found["label"].map(after)).all()
    assert found["doubt"].tolist() == pytest.approx([0.88, 0.88])


def test_a_label_that_no_longer_stands_is_not_listed(db, published, answered):
    first = str(answered.index[0])
    said = store.feedback_table(db, clip_id=first)
    store.undo(
        db, rater=str(said["rater"].iloc[0]), token=store.new_token(), feedback_id=int(said["feedback_id"].iloc[0])
    )
    assert first not in set(listed(db, published)["clip_id"])


def test_without_labels_nothing_is_listed(db, published):
    assert listed(db, published).empty
