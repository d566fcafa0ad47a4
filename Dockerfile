# The program for worker, board and the other commands: one image, `command:` says which.
FROM python:3.11.13-slim-bookworm AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY schemas schemas
COPY grafana grafana
COPY streams streams
RUN pip wheel --no-cache-dir --wheel-dir /wheels .

FROM python:3.11.13-slim-bookworm
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-index --find-links=/wheels support-roi
# roi.toml is read from the working directory; nothing else is read, and nothing is written.
WORKDIR /srv/support-roi
COPY roi.toml .
USER 10001:10001
ENTRYPOINT ["support-roi"]
