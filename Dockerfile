# Storyteller Recovery as a container, for self-hosted use; docs/container.md says how to run it.
#
# The base is named by tag, because a digest is only true of the registry it was looked up in, and this file is built
# offline too. Whoever publishes the image pins it: --build-arg BASE_IMAGE=python:3.12-slim@sha256:<digest>.
ARG BASE_IMAGE=python:3.12-slim

FROM ${BASE_IMAGE} AS build
WORKDIR /build
ENV UV_PROJECT_ENVIRONMENT=/opt/venv \
    UV_PYTHON=python3 \
    UV_PYTHON_DOWNLOADS=never \
    UV_LINK_MODE=copy \
    UV_NO_CACHE=1 \
    UV_COMPILE_BYTECODE=1 \
    PYC_INVALIDATION_MODE=UNCHECKED_HASH \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1
COPY pyproject.toml uv.lock ./
# uv itself by hash: its wheels for glibc, x86-64 and arm64; everything else by the hashes of uv.lock. Two optional
# secrets serve networks with rules of their own: `ca` is a bundle of certificates, `index-url` is where pip finds uv.
RUN --mount=type=secret,id=ca --mount=type=secret,id=index-url \
    if [ -s /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca SSL_CERT_FILE=/run/secrets/ca; fi \
    && if [ -s /run/secrets/index-url ]; then PIP_INDEX_URL="$(cat /run/secrets/index-url)"; export PIP_INDEX_URL; fi \
    && python3 -m venv /opt/tools \
    && printf '%s ' uv==0.13.9 \
        --hash=sha256:d7f459fe4fd247d830351c75686d3996ace3c6f3f728eb0e85a30b7ada0cef19 \
        --hash=sha256:ecb6028d79dc96fbeafffe5c8af62a7099487ebc05a701e76714eebcffd06375 \
        --hash=sha256:5435c5ce14a56431208ca0996416d310f1598e8c2c8ba707688985a16bb82dbe \
        | /opt/tools/bin/pip install --quiet --only-binary :all: --require-hashes --requirement /dev/stdin \
    && /opt/tools/bin/uv sync --quiet --frozen --no-dev --extra recover --extra postgres --no-install-project

WORKDIR /opt/recovery
COPY LICENSE entrypoint.py ./
COPY recovery recovery
RUN python3 -m compileall -q --invalidation-mode unchecked-hash entrypoint.py recovery


FROM ${BASE_IMAGE}
ARG BASE_IMAGE
LABEL org.opencontainers.image.title="Storyteller Recovery" \
      org.opencontainers.image.description="Makes failed GitHub Actions runs recover by themselves, and knows when not to" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.vendor="The Storyteller Recovery authors" \
      org.opencontainers.image.source="https://github.com/storyteller/recovery" \
      org.opencontainers.image.documentation="https://github.com/storyteller/recovery/blob/main/docs/container.md" \
      org.opencontainers.image.base.name="${BASE_IMAGE}"
# /data belongs to the user, so that a new named volume mounted there does too.
RUN groupadd --gid 10001 recovery \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin recovery \
    && install --directory --owner=10001 --group=10001 /data
COPY --from=build /opt/venv /opt/venv
COPY --from=build /opt/recovery /opt/recovery
# PYTHONSAFEPATH: nothing is imported from the working directory, which is somebody's mount.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/opt/recovery \
    PYTHONSAFEPATH=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    RECOVERY_DATABASE_URL=sqlite:////data/recovery.db \
    RECOVERY_DIRECTORY=/tmp/storyteller-recovery
USER 10001:10001
WORKDIR /data
ENTRYPOINT ["python", "/opt/recovery/entrypoint.py"]
