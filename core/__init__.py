"""Turkish Music Emotion: from audio bytes to a decision, and from people's answers to a better model.

One way through the house::

    audio bytes -> Clip -> FeatureVector -> Prediction -> Decision -> (a person) Feedback -> training table -> Model
      audio        features   inference      inference                  store             dataset        train, registry

Pure functions between frozen dataclasses. Side effects have one home each: all SQL in ``store``, all MLflow in
``registry``, all Streamlit in ``app.py`` and ``pages/``. The loop closes only through stored rows and a registered
model version, never through imports. ``tests/test_architecture.py`` holds this.
"""
