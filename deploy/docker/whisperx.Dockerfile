# Transcription on GPU hosts: WhisperX with its own pins, in an image of its own.
ARG CUDA_IMAGE=nvidia/cuda:12.8.1-cudnn-runtime-ubuntu24.04
FROM ${CUDA_IMAGE}
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3 python3-venv python3-pip bubblewrap tini \
 && rm -rf /var/lib/apt/lists/*
RUN useradd --create-home --uid 10001 reelyard && install -d -o reelyard -g reelyard /scratch && python3 -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH PYTHONPATH=/app REELYARD_SPEECH_ENGINE=whisperx REELYARD_WHISPER_DEVICE=cuda
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
