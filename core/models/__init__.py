"""Models: what is stored of them, and MLflow's registry of their versions."""
