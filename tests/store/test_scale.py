"""The work of a question grows with the number of rows, not with its square: counted in SQLite's own steps."""

import sqlite3
from itertools import count

import pytest
import sqlalchemy as sa

from core import store
from core.labelling.truth import settled_clips, stored_truth
from core.models.policy import Policy, decide
from core.models.prediction import Prediction
from core.schema import EMOTIONS


def filled(folder, clips):
    """A store with this many clips, each with both models' prediction, two thirds of them answered by one rater."""
    opened = store.open_store(f"sqlite:///{folder / f'{clips}.db'}")
    policy = Policy()
    for n in range(clips):
        store.add_clip(opened, f"c{n}", file_name=f"{n}.wav", duration_s=30, sr=44100, path=f"{n}.wav")
    for role in store.ROLES:
        said = [
            Prediction(f"c{n}", role, "x", dict(zip(EMOTIONS, (0.5 + n / 9e3, 0.5 - n / 9e3, 0, 0), strict=True)))
            for n in range(clips)
        ]
        store.save_predictions(opened, [(p, decide(p, policy)) for p in said], policy=policy, role=role)
    answered = [n for n in range(clips) if n % 3]
    store.add_answers(
        opened, [store.Answer(store.new_token(), "r0", EMOTIONS[n % 4], clip_id=f"c{n}") for n in answered]
    )
    return opened


def steps(opened, question):
    """Thousands of SQLite's steps that a question takes."""
    taken = count()

    @sa.event.listens_for(opened.engine, "checkout")
    def watch(connection: sqlite3.Connection, *_):
        connection.set_progress_handler(lambda: next(taken) and None, 100)

    question(opened)
    sa.event.remove(opened.engine, "checkout", watch)
    return next(taken)


QUESTIONS = {
    "label queue": lambda opened: store.clips_to_label(opened, rater="r0", settled=settled_clips(stored_truth(opened))),
    "library": lambda opened: store.library_table(opened, origins=("upload",), limit=20),
    "newest predictions": lambda opened: store.predictions_table(opened, latest=True),
    "feedback": store.feedback_table,
    "raters": store.raters_table,
    "words of people": store.answers_by_subject,
}


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scale")
    both = filled(folder, 60), filled(folder, 480)
    yield both
    for opened in both:
        store.close_store(opened)


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
def test_eight_times_the_clips_take_about_eight_times_the_steps(stores, question):
    small, large = (steps(opened, question) for opened in stores)
    assert large < 12 * max(small, 5)
