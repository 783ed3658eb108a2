"""One camera in a worker: read, gated by motion, admitted, looked at."""
