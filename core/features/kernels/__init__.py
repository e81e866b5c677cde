"""Compiled kernels (numba) of the features. Each one has a plain numpy or scipy version with the same result."""
