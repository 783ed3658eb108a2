"""FIND."""
