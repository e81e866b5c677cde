"""The demo clips on Predict: the examples are accepted by the committed model, as their names say."""

import pytest

from core.audio import synthetic
from core.audio.decoding import Clip
from core.features import extract
from core.models import reference
from core.models.prediction import predict
from core.pipeline.serving import serve
from core.schema import SR
from core.settings import Settings


@pytest.mark.parametrize("name", synthetic.EXAMPLES)
def test_an_example_is_accepted_as_its_name_says(name: str) -> None:
    served = serve(Settings())
    vector = extract(Clip(name, synthetic.render(synthetic.EXAMPLES[name]), SR))
    assert not reference.check_outlier(vector, served.reference).flag
    [prediction] = predict(served.model, [vector])
    assert prediction.ranked[0] == name.removeprefix("accepted as ")
    assert prediction.proba[prediction.ranked[0]] >= 0.75


def test_a_room_changes_the_clip_and_is_the_same_each_time() -> None:
    recipe = synthetic.EXAMPLES["accepted as sad"]
    first = synthetic.render(recipe, seconds=2.0)
    assert (first == synthetic.render(recipe, seconds=2.0)).all()
    assert abs(first).max() == pytest.approx(recipe.gain)
