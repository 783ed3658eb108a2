"""REMEMBER: the domain model, configuration, ports and the store. Imports nothing of the other floors."""
