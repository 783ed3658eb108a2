"""Files, sockets and threads of this machine: evidence, inbox, locks, live pictures, counters."""
