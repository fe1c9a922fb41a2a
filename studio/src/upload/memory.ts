// Which parts of which file were sent, so that a reload or the next day goes on where it stopped. No secrets here.

const KEY = "reelyard.uploads";
const MOST = 20;

interface Sent {
  id: string;
  done: number[];
}

const nameOf = (file: File) => `${file.name}/${file.size}/${file.lastModified}`;

function readAll(): Record<string, Sent> {
  try {
    return (JSON.parse(localStorage.getItem(KEY) ?? "{}") ?? {}) as Record<string, Sent>;
  } catch {
    return {};
  }
}

function writeAll(all: Record<string, Sent>): void {
  localStorage.setItem(KEY, JSON.stringify(Object.fromEntries(Object.entries(all).slice(-MOST))));
}

export const readSent = (file: File): Sent | undefined => readAll()[nameOf(file)];

export const writeSent = (file: File, id: string, done: Set<number>) => writeAll({...readAll(), [nameOf(file)]: {id, done: [...done]}});

export function forgetSent(file: File): void {
  const {[nameOf(file)]: _, ...others} = readAll();
  writeAll(others);
}
