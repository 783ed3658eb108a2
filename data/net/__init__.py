"""Connections that go out: which addresses are refused, HTTP that keeps to it, pauses between attempts."""
