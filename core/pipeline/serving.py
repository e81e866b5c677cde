"""Load the model in use with everything that a prediction needs."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from core.errors import ModelError
from core.models.policy import Policy
from core.models.prediction import Model
from core.models.reference import Reference
from core.schema import FeatureVector
from core.settings import Settings

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Served:
    """What a prediction needs: the model, and what was learned and stored with it.

    reference : summary of the training music.  background : typical clips, for explanations.
    policies : decision policies by name, "threshold" and "conformal".
    shadow : the challenger, which is asked about every clip as well; what it says is stored and not shown.
    """

    model: Model
    reference: Reference
    background: pd.DataFrame
    policies: Mapping[str, Policy]
    shadow: "Served | None" = None


def serve(settings: Settings, *, alias: str = "champion") -> Served:
    """The model under an alias with all that a prediction needs. Raises ModelError when there is none.

    The champion comes with the challenger, where there is one; one that cannot be loaded costs no answer.
    """
    from core import file_names
    from core.models import registry

    bundle = registry.load(alias, settings=settings)
    shadow = None
    if alias == file_names.CHAMPION:
        try:
            if registry.find(file_names.CHALLENGER, settings=settings) is not None:
                shadow = serve(settings, alias=file_names.CHALLENGER)
        except ModelError as error:
            _LOG.warning("The challenger is not asked: %s", error)
    return Served(bundle.model, bundle.reference(), bundle.background(), bundle.policies(), shadow)


def warm_up(served: Served) -> None:
    """Load what the first clip needs (decoder, compiled kernels, the explainer), before anybody waits for it."""
    from core import features
    from core.audio import isolated
    from core.features import loudness
    from core.models.explanation import explain_clip

    isolated.warm()
    features.warm()
    loudness.warm()
    typical = FeatureVector("warm", "warm", served.background.iloc[0].to_numpy(dtype=float))
    explain_clip(served.model, typical, served.background, calibrated=True)
