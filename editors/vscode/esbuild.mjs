// Bundles the extension and its view; with `tests` the unit tests; with `page` a page that plays a recorded fill.
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import esbuild from "esbuild";

const shared = { bundle: true, minify: true, sourcemap: false, logLevel: "warning" };
const node = { ...shared, platform: "node", format: "cjs", target: "node20", external: ["vscode"] };
const view = {
  ...shared, entryPoints: ["src/denoising/view/main.ts"], outfile: "dist/denoising.js", format: "iife", target: "chrome120",
};

async function build() {
  await esbuild.build({ ...node, entryPoints: ["src/extension.ts"], outfile: "dist/extension.js" });
  await esbuild.build(view);
}

async function tests() {
  rmSync("out", { recursive: true, force: true });
  const entryPoints = readdirSync("test").filter((name) => name.endsWith(".test.ts")).map((name) => `test/${name}`);
  await esbuild.build({ ...node, minify: false, entryPoints, outdir: "out", outExtension: { ".js": ".cjs" } });
}

// The same markup, style and script as in the editor; what the editor would post is in the page.
async function page() {
  await esbuild.build(view);
  await esbuild.build({ ...node, entryPoints: ["src/denoising/markup.ts", "test/film.ts"], outdir: "out", outbase: ".", outExtension: { ".js": ".cjs" } });
  const { markup } = createRequire(import.meta.url)("./out/src/denoising/markup.cjs");
  const { film } = createRequire(import.meta.url)("./out/test/film.cjs");
  const message = JSON.stringify({ kind: "film", ...film }).replaceAll("<", "\\u003c");
  const html = markup({ script: "../dist/denoising.js", style: "../media/denoising.css", source: "'self' file:", nonce: "page" });
  writeFileSync("out/denoising.html", html.replace("</body>", () => `<script nonce="page">postMessage(${message}, "*")</script></body>`));
}

await { tests, page, build }[process.argv[2] ?? "build"]();
