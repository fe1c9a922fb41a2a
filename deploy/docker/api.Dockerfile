# The API, the engine (dispatcher and reconciler) and the control worker: HTTP and SQL, no media libraries.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm
FROM ${PYTHON_IMAGE} AS code
RUN useradd --create-home --uid 10001 reelyard
WORKDIR /app
COPY requirements/api.txt requirements/api.txt
RUN pip install --no-cache-dir --require-hashes -r requirements/api.txt
COPY setup.cfg pyproject.toml README.rst ./
COPY api api
COPY tasks tasks
COPY render_node render_node
COPY cli cli
COPY migrations migrations

# The studio is typed by the API's own document, so it is built where the API is; Node is a pinned package of Python's
FROM code AS studio
COPY requirements/studio.txt requirements/studio.txt
RUN pip install --no-cache-dir --require-hashes -r requirements/studio.txt
COPY studio studio
RUN python -m cli.studio

FROM code
COPY --from=studio /app/studio/dist studio/dist
RUN pip install --no-cache-dir --no-deps . && rm -rf build
ARG COMMIT=
RUN echo "$COMMIT" > COMMIT
USER 10001:10001
# What python -m tasks.alive reads: the engine and the scheduler show there that they work
ENV REELYARD_ALIVE_FILE=/tmp/alive
EXPOSE 8000
CMD ["gunicorn", "-c", "python:api.gunicorn", "api.wsgi:app"]
