"""Processes: the parent, its children and their heartbeat, logs, memory, clocks."""

import sys

# structlog loads rich for traces in colours, which no log of ours has: five MiB in each process. Loaded here, where
# every process passes first, it does without; who else wants rich finds it afterwards.
if "structlog" not in sys.modules and "rich" not in sys.modules:
    sys.modules["rich"] = None  # type: ignore[assignment]
    import structlog  # noqa: F401

    del sys.modules["rich"]
