"""CAP 1.2 messages (OASIS, Common Alerting Protocol), as XML and JSON, read into warnings."""
