"""What both sides rest on: the store, live pictures, requests, and recipes of devices, rules and channels."""
