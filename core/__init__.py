"""Turkish Music Emotion: predict the emotion of a recording, and train better models with people's labels.

The path of one clip through the packages::

    audio bytes -> Clip -> FeatureVector -> Prediction -> Decision -> label of a person -> training table -> Model
      audio        features   models         models         labelling, store              training         models

Most functions are pure and exchange frozen dataclasses. Each side effect has one place: SQL in ``store``, MLflow in
``models``, Streamlit in ``app.py`` and ``pages/``. New labels reach a model only through stored rows and a registered
model version, never through imports. ``tests/test_architecture.py`` checks these rules.
"""
