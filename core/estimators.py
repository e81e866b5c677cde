"""Estimators under the name that model files of version 0.2 give them; the code is in `core.training.estimators`."""

from core.training.estimators import *  # noqa: F403
