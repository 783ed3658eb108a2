"""What there is: observations, alerts, events and tasks, people, plans, warnings, places. Values without a store or a clock."""
