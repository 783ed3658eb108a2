"""Automatic reactions to changes: fusion, plans, automatic offers, timers, system alarms."""
