#!/usr/bin/env bash
# Three tests at a time (many of them wait), then two of those with limits of seconds, then those that want the machine for
# themselves. What failed is asked once more, alone; each test's first error is printed beside its second answer.
set -uo pipefail
unset PYTHONDONTWRITEBYTECODE # hundreds of processes are started: each would compile the whole program again
pytest=.venv/bin/pytest
rm -f .pytest_cache/v/cache/lastfailed .pytest_cache/v/once_more/first_errors # all runs add to them
longest=(--durations 20 --durations-min 10)
worst=0
part() {
    local name=$1 status=0
    shift
    echo "--- $name"
    "$pytest" -q "${longest[@]}" "$@" || status=$?
    [ "$status" != 5 ] || status=0 # chosen folders may have no test of this kind
    if [ "$status" -gt "$worst" ]; then worst=$status; fi
}
# The files that name a marker: collecting all of them takes a process a quarter of a minute (tests/conftest.py holds that
# a marked test's own file names its marker).
marked() { grep -rlE --include='test_*.py' "mark\.$1\b" tests; }
mapfile -t paired < <([ $# -gt 0 ] || marked paired)
mapfile -t alone < <([ $# -gt 0 ] || marked alone)
part "three at a time" -n 3 --dist loadfile --no-loadscope-reorder -m "not alone and not paired" "$@"
part "two at a time" -n 2 --dist loadfile --no-loadscope-reorder -m "paired and not alone" "${paired[@]}" "$@"
part "alone" -m alone "${alone[@]}" "$@"
if [ "$worst" = 0 ]; then
    exit 0
fi
if [ "$worst" -gt 1 ]; then
    echo "the tests could not be run to their end: $worst"
    exit 1
fi
echo "--- what failed, once more and alone:"
exec "$pytest" -q --once-more
