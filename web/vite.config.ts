import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// The built UI lives inside the Python package, so that the wheel carries it.
const outDir = fileURLToPath(new URL("../src/millwright/server/ui", import.meta.url));

export default defineConfig({
  plugins: [react()],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  build: {
    outDir,
    emptyOutDir: true,
    target: "es2022",
    // Inlined data: URIs would need a wider content security policy than 'self'.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 700,
  },
  server: {
    proxy: {
      "/api": process.env.MW_URL ?? "http://127.0.0.1:7700",
      "/v2": process.env.MW_URL ?? "http://127.0.0.1:7700",
    },
  },
});
