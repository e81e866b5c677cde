"""Load the model in use with everything that a prediction needs."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from core.errors import CoreError, ModelError
from core.models.policy import Policy
from core.models.prediction import Model
from core.models.reference import Reference
from core.schema import FeatureVector
from core.settings import Settings

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Served:
    """A loaded model with everything that a prediction needs.

    Parameters
    ----------
    reference
        Summary of the training music.
    background
        Typical clips, for explanations.
    policies
        Decision policies by name, "threshold" and "conformal".
    shadow
        The challenger, if there is one. It also scores every clip; its predictions are stored and not shown.
    """

    model: Model
    reference: Reference
    background: pd.DataFrame
    policies: Mapping[str, Policy]
    shadow: "Served | None" = None

    @property
    def policy(self) -> Policy:
        """The policy that was saved with the model, and that counts unless a person chooses another one."""
        return self.policies.get("threshold", Policy())


def models_stamp(settings: Settings) -> tuple[str, int | None]:
    """Return a cache key of the champion and the challenger: it changes when another model is put into use."""
    from core import file_names
    from core.models import registry

    manifest = settings.champion_dir / file_names.MANIFEST
    try:
        models = [registry.find(alias, settings=settings) for alias in (file_names.CHAMPION, file_names.CHALLENGER)]
        versions = " ".join(model.version if model else "-" for model in models)
    except CoreError:
        versions = "unreadable"  # the committed model is used instead, and its `source` gives the reason
    return versions, manifest.stat().st_mtime_ns if manifest.is_file() else None


def serve(settings: Settings, *, alias: str = "champion", on_demand: bool = False) -> Served:
    """Load the model under an alias with everything that a prediction needs. Raises ModelError when there is none.

    The champion is loaded together with the challenger. A challenger that cannot be loaded is only logged.

    on_demand : load the models when they are first asked. All their files are checked now, but a model that does not
        load raises ModelError at the first prediction, and no other model takes its place.
    """
    from core import file_names
    from core.models import registry

    bundle = registry.load(alias, settings=settings, on_demand=on_demand)
    shadow = None
    if alias == file_names.CHAMPION:
        try:
            if registry.find(file_names.CHALLENGER, settings=settings) is not None:
                shadow = serve(settings, alias=file_names.CHALLENGER, on_demand=on_demand)
        except ModelError as error:
            _LOG.warning("The challenger cannot be loaded and scores no clips: %s", error)
    return Served(bundle.model, bundle.reference(), bundle.background(), bundle.policies(), shadow)


def warm_up(served: Served) -> None:
    """Load decoder, compiled kernels and explainer in advance, so that the first clip does not have to wait."""
    from core import features
    from core.audio import isolated
    from core.features import loudness
    from core.models.explanation import explain_clip

    isolated.warm()
    features.warm()
    loudness.warm()
    typical = FeatureVector("warm", "warm", served.background.iloc[0].to_numpy(dtype=float))
    explain_clip(served.model, typical, served.background, calibrated=True)
