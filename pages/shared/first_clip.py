"""Work through a synthetic clip once, as the page Predict does, so that everything is loaded and compiled."""

import pandas as pd

from core.audio import drawing, encoding, synthetic
from core.models import explanation_tables
from core.pipeline import scoring, serving
from core.pipeline.scoring import ScoredClip
from core.settings import Settings
from pages.figures import clips, style
from pages.shared import cached


def load_model() -> None:
    """Load the model in use, into the cache of all sessions."""
    cached.model_in_use()


def load_kernels() -> None:
    """Start the decoders, and load the compiled code."""
    serving.warm_up(cached.model_in_use())


def open_database() -> None:
    """Open the database, into the cache of all sessions."""
    cached.open_database()


def work_through() -> None:
    """Score a synthetic clip, explain it and draw its figures. Nothing of it is stored."""
    served = cached.model_in_use()
    recipe = next(iter(synthetic.EXAMPLES.values()))
    scored, _ = scoring.score_own(
        encoding.wav(synthetic.render(recipe)),
        recipe.title,
        served,
        policy=next(iter(served.policies.values())),
        store=None,
        origin="demo",
        max_mb=Settings().max_upload_mb,
    )
    _draw(scored, scoring.explain(scored, served))
    explanation_tables.feature_table(scored.vector, served.reference)


def _draw(scored: ScoredClip, explanation: pd.DataFrame) -> None:
    guess = scored.prediction.ranked[0]
    base, steps = explanation_tables.steps(explanation, guess)
    for figure in (
        style.probabilities(pd.Series(scored.prediction.proba), threshold=0.75),
        style.waveform(*drawing.envelope(scored.recording.clip)),
        clips.waterfall(steps, base=base, emotion=guess),
    ):
        figure.to_json()
