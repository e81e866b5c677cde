"""Add synthetic clips to the label queue for practice."""

from typing import TYPE_CHECKING

from core.access import Action, requires
from core.audio import encoding, synthetic
from core.errors import StoreError
from core.models.policy import Policy
from core.settings import Settings
from core.store import Store, Way, add_clip, add_track

if TYPE_CHECKING:  # what scores a clip takes a second to import, and only demo clips are scored here
    from core.pipeline.scoring import ScoredClip
    from core.pipeline.serving import Served
SYNTHETIC = "synthetic demo"  # source of the track of a demo clip
SEEDS = (1, 2, 3)  # seeds of the variations of each character


def demo_recipes() -> list[synthetic.Demo]:
    """Recipes of the practice clips: three variations of each character, in mixed order."""
    return [synthetic.variation(character, seed) for seed in SEEDS for character in synthetic.DEMOS]


@requires(Action.ADD_PRACTICE)
def add_demo(
    recipe: synthetic.Demo, store: Store, served: "Served", *, policy: Policy, settings: Settings
) -> "ScoredClip":
    """Add a synthetic clip to the queue with origin ``demo``; answers about it never train a model.

    The clip's name does not reveal the intended emotion.
    """
    from core.pipeline.noting import Asked
    from core.pipeline.scoring import score_clip

    metre = recipe.usul.replace("/", "\N{FRACTION SLASH}")  # a metre, not a folder
    name = f"Synthetic clip: {recipe.makam}, {metre}, {recipe.voice}, {recipe.seed}"
    data = encoding.wav(synthetic.render(recipe))
    scored = score_clip(
        data,
        name,
        served,
        policy=policy,
        store=store,
        origin="demo",
        audio=settings.clips_dir,
        asked=Asked(Way.LABEL, synthetic=True),
    )
    if scored.problem:
        raise StoreError(scored.problem)
    track = add_track(store, artist="this program", title=name, source=SYNTHETIC, makam=recipe.makam)
    clip = scored.recording.clip
    add_clip(store, clip.clip_id, file_name=name, duration_s=clip.duration_s, sr=clip.sr, origin="demo", track_id=track)
    return scored
