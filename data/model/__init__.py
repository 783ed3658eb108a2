"""What there is: observations, alerts, events, tasks, people, plans, warnings, places. No store, no clock."""
