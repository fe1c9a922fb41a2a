import {defineConfig} from "vite";

// Everything is served by the API under /studio/; names carry hashes, so that browsers keep files for ever.
export default defineConfig({
  base: "/studio/",
  html: {cspNonce: "__CSP_NONCE__"},
  build: {
    outDir: "dist",
    assetsDir: "assets",
    assetsInlineLimit: 0,
    target: "es2022",
    modulePreload: {polyfill: false},
    manifest: true,
  },
  server: {proxy: {"/api": "http://127.0.0.1:8000", "/studio/stage": "http://127.0.0.1:8000"}},
});
