#!/usr/bin/env bash
# Three tests at a time (many of them wait), then those that want the machine for themselves; what failed is asked once more, alone.
set -uo pipefail
unset PYTHONDONTWRITEBYTECODE # hundreds of processes are started: each would compile the whole program again
pytest=.venv/bin/pytest
rm -f .pytest_cache/v/cache/lastfailed # both runs add to it
beside=0 alone=0
"$pytest" -q -n 3 --dist loadfile --no-loadscope-reorder -m "not alone" "$@" || beside=$?
"$pytest" -q -m alone "$@" || alone=$?
if [ "$beside" = 0 ] && [ "$alone" = 0 ]; then
    exit 0
fi
if [ "$beside" -gt 1 ] || [ "$alone" -gt 1 ]; then
    echo "the tests could not be run to their end: $beside, $alone"
    exit 1
fi
echo "--- what failed, once more and alone:"
exec "$pytest" -q --once-more
