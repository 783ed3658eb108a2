#!/usr/bin/env bash
# Three tests at a time (many of them wait), then two of those with limits of seconds, then those that want the machine for
# themselves; what failed is asked once more, alone.
set -uo pipefail
unset PYTHONDONTWRITEBYTECODE # hundreds of processes are started: each would compile the whole program again
pytest=.venv/bin/pytest
rm -f .pytest_cache/v/cache/lastfailed # all runs add to it
beside=0 paired=0 alone=0
"$pytest" -q -n 3 --dist loadfile --no-loadscope-reorder -m "not alone and not paired" "$@" || beside=$?
"$pytest" -q -n 2 --dist loadfile --no-loadscope-reorder -m "paired and not alone" "$@" || paired=$?
"$pytest" -q -m alone "$@" || alone=$?
if [ "$beside" = 0 ] && [ "$paired" = 0 ] && [ "$alone" = 0 ]; then
    exit 0
fi
if [ "$beside" -gt 1 ] || [ "$paired" -gt 1 ] || [ "$alone" -gt 1 ]; then
    echo "the tests could not be run to their end: $beside, $paired, $alone"
    exit 1
fi
echo "--- what failed, once more and alone:"
exec "$pytest" -q --once-more
