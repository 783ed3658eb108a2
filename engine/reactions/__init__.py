"""What follows from a change without a click: fusion, plans, automatic offers, timers, system alarms."""
