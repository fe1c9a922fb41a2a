// Caption a video: upload, wait for its words, style them, render, download.
// node dist/examples/caption.js http://127.0.0.1:8000 TOKEN talk.mp4 captioned.mp4
import { randomUUID } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { good, Reelyard } from "../src/index.js";

const [baseUrl, token, source, target] = process.argv.slice(2) as [string, string, string, string];
const reelyard = new Reelyard({ baseUrl, token });
const { api } = reelyard;

const upload = await reelyard.upload(new Blob([new Uint8Array(await readFile(source))]), basename(source), "video/mp4");
await reelyard.wait(upload.job!.id!);
const assetId = upload.asset!.id!;
const found = good(await api.GET("/api/v1/transcripts", { params: { query: { asset_id: assetId } } }));
const path = { transcript_id: found.items![0]!.id! };
const scenario = good(await api.GET("/api/v1/transcripts/{transcript_id}/scenario", { params: { path, query: { preset: "karaoke" } } }));
const order = good(
  await api.POST("/api/v1/renders", {
    params: { header: { "Idempotency-Key": randomUUID() } },
    body: { source_asset_id: assetId, scenario },
  }),
);
await reelyard.wait(order.job_id!);
const file = good(await api.GET("/api/v1/renders/{render_id}/download", { params: { path: { render_id: order.id! } } }));
await writeFile(target, new Uint8Array(await (await fetch(file.url!)).arrayBuffer()));
console.log(target);
