# CPU workers: ingest and transcription. No database library is installed here, so none can be used.
FROM python:3.11-slim-bookworm
RUN useradd --create-home --uid 10001 reelyard
WORKDIR /app
COPY requirements/cpu.txt requirements/cpu.txt
RUN pip install --no-cache-dir --require-hashes -r requirements/cpu.txt
COPY setup.cfg pyproject.toml README.rst ./
COPY tasks tasks
USER reelyard
ENV PYTHONPATH=/app
CMD ["celery", "-A", "tasks.worker", "worker", "-Q", "ingest,analysis,transcription,generation,compose", \
     "--without-gossip", "--without-mingle", "--concurrency", "2"]
