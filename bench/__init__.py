"""Measurements, printed as a table and as one line of JSON at the end."""
