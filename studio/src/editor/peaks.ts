// Peaks of a file's sound, a hundred a second, decoded once for each file that is opened.

const MOST_BYTES = 300e6;
const RATE = 8000;
const PER_SECOND = 100;
const known = new Map<string, Promise<Float32Array>>();

export function readPeaks(assetId: string, url: string, sizeBytes: number): Promise<Float32Array> {
  const found = known.get(assetId) ?? compute(url, sizeBytes);
  known.set(assetId, found);
  found.catch(() => known.delete(assetId));
  return found;
}

async function compute(url: string, sizeBytes: number): Promise<Float32Array> {
  if (sizeBytes > MOST_BYTES) throw new Error("too large to draw");
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`the storage answered ${answer.status}`);
  // An offline context decodes at its own rate: sixty times less memory than the sound as it is played.
  const sound = await new OfflineAudioContext(1, 1, RATE).decodeAudioData(await answer.arrayBuffer());
  const samples = sound.getChannelData(0), step = RATE / PER_SECOND;
  const peaks = new Float32Array(Math.ceil(samples.length / step));
  for (let at = 0; at < samples.length; at++) {
    const place = Math.floor(at / step), value = Math.abs(samples[at] ?? 0);
    if (value > (peaks[place] ?? 0)) peaks[place] = value;
  }
  const loudest = peaks.reduce((most, peak) => Math.max(most, peak), 0.05);
  return peaks.map((peak) => peak / loudest);
}
