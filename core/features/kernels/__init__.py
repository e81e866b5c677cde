"""Compiled kernels (numba) of the features. Each one computes what the plain code beside it states."""
