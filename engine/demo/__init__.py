"""The demo city: drawn streets, composed camera videos, made-up gauge series and responders that walk about."""
