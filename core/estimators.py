"""The module name that model files of version 0.2 use for the estimators in `core.training.estimators`."""

from core.training.estimators import *  # noqa: F403
