"""Official warnings: CAP."""
