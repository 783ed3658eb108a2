"""What follows from a change without anybody's click: fusion, plans, automatic offers, timers, alarms about the system."""
