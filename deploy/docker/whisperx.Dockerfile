# Transcription on GPU hosts: WhisperX with its own pins, in an image of its own. What it needs of CUDA comes as packages,
# by the lock's hashes; the host's driver is put in by NVIDIA's container runtime.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm
FROM ${PYTHON_IMAGE}
RUN apt-get update \
 && apt-get install -y --no-install-recommends bubblewrap tini \
 && rm -rf /var/lib/apt/lists/*
RUN useradd --create-home --uid 10001 reelyard && install -d -o reelyard -g reelyard /scratch
ENV PYTHONPATH=/app REELYARD_SPEECH_ENGINE=whisperx REELYARD_WHISPER_DEVICE=cuda
# CTranslate2 looks for cuBLAS and cuDNN where the linker does
ENV LD_LIBRARY_PATH=/usr/local/lib/python3.11/site-packages/nvidia/cublas/lib:/usr/local/lib/python3.11/site-packages/nvidia/cudnn/lib
ENV REELYARD_ALIVE_FILE=/tmp/alive NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
WORKDIR /app
COPY requirements/whisperx.txt requirements/whisperx.txt
RUN pip install --no-cache-dir --require-hashes -r requirements/whisperx.txt
COPY setup.cfg pyproject.toml README.rst ./
COPY tasks tasks
ARG COMMIT=
RUN echo "$COMMIT" > COMMIT
USER 10001:10001
# tini ends what steps leave behind, and hands SIGTERM on
ENTRYPOINT ["tini", "--"]
CMD ["celery", "-A", "tasks.worker", "worker", "-Q", "transcription", \
     "--without-gossip", "--without-mingle", "--concurrency", "1"]
