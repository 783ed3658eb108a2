"""What the running side and the screens need from below: the store, live pictures, requests, and recipes of devices and rules."""
