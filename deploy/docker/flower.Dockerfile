# Flower for the whole cluster. It loads our Celery settings, since every key in Redis carries their prefix.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm
FROM ${PYTHON_IMAGE}
RUN useradd --create-home --uid 10001 reelyard
WORKDIR /app
COPY requirements/flower.txt requirements/flower.txt
RUN pip install --no-cache-dir --require-hashes -r requirements/flower.txt
COPY tasks tasks
USER 10001:10001
ENV PYTHONPATH=/app
CMD ["celery", "-A", "tasks.cpu_app", "flower", "--address=0.0.0.0", "--port=5555", \
     "--url_prefix=flower", "--read_only=True"]
