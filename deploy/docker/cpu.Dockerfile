# CPU workers. No database library is installed here, so none can be used.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm
FROM ${PYTHON_IMAGE}
RUN apt-get update \
 && apt-get install -y --no-install-recommends bubblewrap tini \
 && rm -rf /var/lib/apt/lists/*
RUN useradd --create-home --uid 10001 reelyard && install -d -o reelyard -g reelyard /scratch
WORKDIR /app
COPY requirements/cpu.txt requirements/cpu.txt
RUN pip install --no-cache-dir --require-hashes -r requirements/cpu.txt
COPY setup.cfg pyproject.toml README.rst ./
COPY tasks tasks
ARG COMMIT=
RUN echo "$COMMIT" > COMMIT
USER 10001:10001
ENV PYTHONPATH=/app REELYARD_ALIVE_FILE=/tmp/alive
# tini ends what steps leave behind, and hands SIGTERM on
ENTRYPOINT ["tini", "--"]
CMD ["celery", "-A", "tasks.worker", "worker", "-Q", "ingest,analysis,transcription,generation,compose", \
     "--without-gossip", "--without-mingle", "--concurrency", "2"]
