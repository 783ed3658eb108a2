"""Telling people: escalations, notices, and the channels that carry them."""
