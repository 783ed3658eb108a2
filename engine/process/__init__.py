"""Processes: the parent, its children and their heartbeat, logs, memory, clocks."""
