// Fails when what the first page loads is larger than it may be: scripts together, gzipped.
import {readFileSync} from "node:fs";
import {gzipSync} from "node:zlib";

const MOST = 150 * 1024;
const manifest = JSON.parse(readFileSync("dist/.vite/manifest.json", "utf8"));

// What an entry needs before it runs: itself and what it imports statically.
function needed(name, found = new Set()) {
  if (found.has(name)) return found;
  found.add(name);
  for (const other of manifest[name].imports ?? []) needed(other, found);
  return found;
}

const size = (file) => gzipSync(readFileSync(`dist/${file}`), {level: 9}).length;
const kilobytes = (bytes) => `${(bytes / 1024).toFixed(1)} kB`;
const first = [...needed("index.html")].map((name) => manifest[name].file);
const total = first.reduce((sum, file) => sum + size(file), 0);
const later = Object.values(manifest).map((entry) => entry.file)
  .filter((file) => file.endsWith(".js") && !first.includes(file)).reduce((sum, file) => sum + size(file), 0);
console.log(`First load: ${kilobytes(total)} of script, gzipped (at most ${kilobytes(MOST)}); loaded later: ${kilobytes(later)}`);
if (total > MOST) process.exit(1);
