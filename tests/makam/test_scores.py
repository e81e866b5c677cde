import numpy as np
import pytest

from core.makam.scores import compose
from core.makam.theory import MAKAMS, makam_named
from core.makams import COMMAS


@pytest.mark.parametrize("key", sorted(MAKAMS))
def test_a_composition_uses_the_scale_and_ends_on_the_karar(key: str) -> None:
    makam = MAKAMS[key]
    for seed in range(3):
        score = compose(makam, 150.0, seconds=40, seed=seed)
        heights = {c % COMMAS for c in score.commas if not np.isnan(c)}
        assert heights <= set(makam.degrees)
        assert score.commas[-1] == 0
        assert score.seconds[-1] >= 1.5
        assert score.duration_s == pytest.approx(40, abs=6)


def test_a_falling_makam_begins_high_and_a_rising_one_low() -> None:
    first = [compose(makam_named(name), 150.0, seed=2).commas[0] for name in ("Muhayyer", "Rast")]
    assert first == [COMMAS, 0]


def test_a_seed_is_one_composition() -> None:
    rast = makam_named("Rast")
    once, again, other = (repr(compose(rast, 150.0, seed=seed)) for seed in (1, 1, 2))
    assert once == again != other
