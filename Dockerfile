# One image for each service, from this one file:
#
#   docker build --build-arg SERVICE=verifier --tag goaround-verifier .
#
# SERVICE is what stands after `goaround-` in a member's name; `cli` is the command line.
# ALSO names further members, for a worker that needs them beside it (the example's shop, say).
# BASE is any image with Python 3.11 or newer and a shell. Where packages come from elsewhere than
# pip's own default: --build-arg PIP_INDEX_URL=... (and PIP_TRUSTED_HOST, PIP_EXTRA_INDEX_URL).
ARG BASE=python:3.11-slim

FROM ${BASE} AS build
ARG SERVICE
ARG ALSO=""
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_TRUSTED_HOST
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
COPY pyproject.toml requirements.txt deploy/pins.py ./
RUN mkdir deploy && mv pins.py deploy/
# Every member's description, so that what needs what can be told; the sources come later, so that
# a change of code does not install the pins anew.
COPY schemas/pyproject.toml schemas/
COPY libs/chassis/pyproject.toml libs/chassis/
COPY libs/secrets/pyproject.toml libs/secrets/
COPY libs/guidebook/pyproject.toml libs/guidebook/
COPY libs/judge/pyproject.toml libs/judge/
COPY libs/migrating/pyproject.toml libs/migrating/
COPY libs/goaround/pyproject.toml libs/goaround/
COPY services/orchestrator/pyproject.toml services/orchestrator/
COPY services/verifier/pyproject.toml services/verifier/
COPY services/deployer/pyproject.toml services/deployer/
COPY services/watcher/pyproject.toml services/watcher/
COPY services/scribe/pyproject.toml services/scribe/
COPY services/notifier/pyproject.toml services/notifier/
COPY examples/shop/pyproject.toml examples/shop/
COPY examples/source-csv/pyproject.toml examples/source-csv/
# The distributions to have: `goaround-verifier`, or `goaround` for the command line.
RUN test -n "${SERVICE}" || { echo "say which: --build-arg SERVICE=verifier"; exit 1; } \
    && for name in ${SERVICE} ${ALSO}; do \
         if [ "$name" = cli ]; then echo goaround; else echo "goaround-$name"; fi; \
       done > wanted
RUN python3 -m venv /build && python3 -m venv /app \
    && python3 deploy/pins.py builder > builder.txt \
    && /build/bin/pip install --quiet --require-hashes --no-deps --requirement builder.txt \
    && python3 deploy/pins.py pins $(cat wanted) > pins.txt \
    && /app/bin/pip install --quiet --require-hashes --no-deps --requirement pins.txt
COPY schemas schemas
COPY libs libs
COPY services services
COPY examples/shop examples/shop
COPY examples/source-csv examples/source-csv
# The members as wheels, and nothing but what they ask for: `pip check` finds what is missing. A
# member without a program of its own starts as Python.
RUN for folder in $(python3 deploy/pins.py members $(cat wanted)); do \
      /build/bin/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir wheels "./$folder" \
      || exit 1; \
    done \
    && /app/bin/pip install --quiet --no-deps --no-index wheels/*.whl \
    && /app/bin/pip check \
    && program="/app/bin/$(head -n 1 wanted)" \
    && { test -x "$program" || program=/app/bin/python; } \
    && ln -s "$program" /app/bin/start \
    && /app/bin/python -m compileall -q /app/lib \
    && /app/bin/pip uninstall --quiet --yes pip setuptools

FROM ${BASE}
RUN echo "goaround:x:10001:10001:goaround:/tmp:/usr/sbin/nologin" >> /etc/passwd \
    && echo "goaround:x:10001:" >> /etc/group \
    && mkdir -p /guides /workspace/docs /var/lib/shop \
    && chown -R 10001:10001 /workspace /var/lib/shop && chmod 700 /var/lib/shop
COPY --from=build /app /app
# Probes on a port that is known, and for all: in a container nobody else is on the host.
ENV PATH=/app/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    GOAROUND_PROBE_HOST=0.0.0.0 \
    GOAROUND_PROBE_PORT=9100
WORKDIR /workspace
USER 10001:10001
EXPOSE 9100
STOPSIGNAL SIGTERM
# Whether the process is worth keeping; whether it can work right now is /ready.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ['GOAROUND_PROBE_PORT'] + '/live', timeout=4)"]
ENTRYPOINT ["/app/bin/start"]
