# Yiping 一屏 in a container: docker build -t yiping . && docker compose up
# TORCH_INDEX names an index of CPU builds of PyTorch; without it pip takes the GPU build, which is 2 GB larger.
FROM python:3.11-slim-bookworm AS wheel
WORKDIR /src
COPY . .
RUN python -m pip wheel --no-cache-dir --no-deps --wheel-dir /wheel .

FROM python:3.11-slim-bookworm
ARG TORCH_INDEX=""
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
# Debian keeps no old versions of its packages, so a pinned one could not be installed a week later.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends fonts-noto-cjk libgl1 libglib2.0-0 \
    && rm -rf /var/lib/apt/lists/*
COPY requirements.lock /tmp/requirements.lock
RUN if [ -n "$TORCH_INDEX" ]; then \
        pip install --no-cache-dir --index-url "$TORCH_INDEX" torch==2.14.1 torchvision==0.29.1; \
    fi \
    && pip install --no-cache-dir -r /tmp/requirements.lock
COPY --from=wheel /wheel /tmp/wheel
RUN pip install --no-cache-dir --no-deps /tmp/wheel/*.whl \
    && useradd --create-home --uid 1000 yiping \
    && install -d -o yiping -g yiping -m 0700 /srv/yiping /srv/yiping/var /srv/yiping/.cache
USER 1000
WORKDIR /srv/yiping
VOLUME ["/srv/yiping/var", "/srv/yiping/.cache"]
EXPOSE 8050
HEALTHCHECK --start-period=10m --interval=30s --timeout=5s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8050/healthz', timeout=4)"]
# An address of all interfaces is only taken behind a proxy or with a certificate: see docs/operations.md.
ENTRYPOINT ["yiping"]
CMD ["run"]
