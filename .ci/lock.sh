#!/usr/bin/env bash
# Writes requirements.lock from pyproject.toml: every version pinned, for plain pip.
# What torch itself pulls for GPUs (nvidia-*, cuda-*, triton) is left to torch's own metadata, so that the same
# lock installs with a CPU-only build (make setup TORCH_INDEX=URL).
set -euo pipefail
cd "$(dirname "$0")/.."
.venv/bin/python -m pip install --quiet pip-tools
.venv/bin/python -m piptools compile --quiet --strip-extras --extra dev --no-header --no-annotate --no-emit-index-url \
    --no-emit-find-links --no-emit-trusted-host --allow-unsafe --output-file=- pyproject.toml "$@" \
    | grep -viE '^(nvidia-|cuda-|triton)' | grep -v '^--' > requirements.lock.new
{
    echo "# Made by 'make lock' from pyproject.toml. Python 3.11, Linux x86-64."
    cat requirements.lock.new
} > requirements.lock
rm requirements.lock.new
