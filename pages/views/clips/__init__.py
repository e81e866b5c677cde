"""Predict and Whole tracks."""
