// Where the video is: told for every frame that is shown, at the very time that the frame has.

import {Store} from "../store";

type Hear = (t: number) => void;

export class Playhead extends Store<{isPlaying: boolean; duration: number; isMuted: boolean; rate: number}> {
  #media: HTMLVideoElement | null = null;
  #hearers = new Set<Hear>();
  #callback = 0;
  #raf = 0;
  t = 0;

  // fps: of the video, so that whole frames are gone to.
  constructor(readonly fps: number) {
    super({isPlaying: false, duration: 0, isMuted: false, rate: 1});
  }

  attach(media: HTMLVideoElement | null): void {
    this.#media?.cancelVideoFrameCallback?.(this.#callback);
    cancelAnimationFrame(this.#raf);
    this.#media = media;
    if (!media) return;
    const look = () => this.set({isPlaying: !media.paused && !media.ended, duration: Number.isFinite(media.duration) ? media.duration : 0, isMuted: media.muted, rate: media.playbackRate});
    for (const name of ["play", "pause", "ended", "loadedmetadata", "durationchange", "volumechange", "ratechange"]) media.addEventListener(name, look);
    media.addEventListener("seeking", () => this.#tell(media.currentTime));
    this.#listen(media);
  }

  get media(): HTMLVideoElement | null {
    return this.#media;
  }

  hear(hearer: Hear): () => void {
    this.#hearers.add(hearer);
    hearer(this.t);
    return () => this.#hearers.delete(hearer);
  }

  seek(t: number): void {
    if (!this.#media) return;
    const latest = this.state.duration ? this.state.duration - 0.001 : t;
    this.#media.currentTime = Math.max(0, Math.min(t, latest));
  }

  // Goes to the first frame at which something that begins at t is to be seen.
  seekInto(t: number): void {
    this.seek(Math.ceil(t * this.fps - 0.001) / this.fps + 0.002);
  }

  step(frames: number): void {
    this.seek(this.t + (frames + 0.1) / this.fps);
  }

  toggle(): void {
    if (!this.#media) return;
    if (this.#media.paused) void this.#media.play().catch(() => undefined);
    else this.#media.pause();
  }

  // The times of frames where the browser tells them; the clock otherwise, and for files that are sound alone.
  #listen(media: HTMLVideoElement): void {
    if (media.requestVideoFrameCallback) {
      const onFrame = (_: number, frame: VideoFrameCallbackMetadata) => {
        this.#tell(frame.mediaTime);
        this.#callback = media.requestVideoFrameCallback(onFrame);
      };
      this.#callback = media.requestVideoFrameCallback(onFrame);
    }
    const onPaint = () => {
      if (!media.paused && (!media.requestVideoFrameCallback || !media.videoWidth)) this.#tell(media.currentTime);
      this.#raf = requestAnimationFrame(onPaint);
    };
    this.#raf = requestAnimationFrame(onPaint);
  }

  #tell(t: number): void {
    this.t = t;
    for (const hearer of this.#hearers) hearer(t);
  }
}
