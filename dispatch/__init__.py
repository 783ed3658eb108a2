"""SEND."""
