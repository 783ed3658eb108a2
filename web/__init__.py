"""SERVE."""
