"""Training models, and deciding which of them is in use."""
