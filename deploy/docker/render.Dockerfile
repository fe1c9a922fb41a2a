# Render nodes: Chromium and PyAV (its wheel carries FFmpeg with NVENC). With the NVIDIA runtime the encoder is found
# by really encoding a frame; without it the node falls back to libx264 and says so in every receipt.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm
FROM ${PYTHON_IMAGE}
RUN apt-get update \
 && apt-get install -y --no-install-recommends chromium-headless-shell tini \
 && rm -rf /var/lib/apt/lists/*
RUN useradd --create-home --uid 10001 reelyard && install -d -o reelyard -g reelyard /scratch
WORKDIR /app
COPY requirements/gpu.txt requirements/gpu.txt
RUN pip install --no-cache-dir --require-hashes -r requirements/gpu.txt
COPY setup.cfg pyproject.toml README.rst ./
COPY tasks tasks
COPY render_node render_node
ARG COMMIT=
RUN echo "$COMMIT" > COMMIT
USER 10001:10001
ENV PYTHONPATH=/app REELYARD_ALIVE_FILE=/tmp/alive NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility,video
# tini ends what Chromium and encoders leave behind, and hands SIGTERM on
ENTRYPOINT ["tini", "--"]
CMD ["celery", "-A", "render_node.worker", "worker", "-Q", "render", \
     "--without-gossip", "--without-mingle", "--concurrency", "1"]
