"""Compare models, Confusion, Explain, Decisions and Learning."""
