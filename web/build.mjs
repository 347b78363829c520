// Bundles the front end into src/latebloom/view/static: the page (app.js), one file a view, the style sheet.
//
// A view's file is a classic script that sets one global, so that it also loads from a folder without a server; with one
// line appended (`export default ...`) it is the ES module that anywidget takes. See src/latebloom/view/notebook.py.
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "..", "src", "latebloom", "view", "static");

// `import source from "worker:./worker.ts"` gives the bundled worker as text: a Blob starts it in every host.
const worker = {
  name: "worker",
  setup(build) {
    build.onResolve({ filter: /^worker:/ }, (args) => ({
      path: join(args.resolveDir, args.path.slice("worker:".length)),
      namespace: "worker",
    }));
    build.onLoad({ filter: /.*/, namespace: "worker" }, async (args) => {
      const made = await esbuild.build({
        entryPoints: [args.path],
        bundle: true,
        format: "iife",
        minify: true,
        target: "es2022",
        write: false,
      });
      return { contents: made.outputFiles[0].text, loader: "text" };
    });
  },
};

const common = {
  bundle: true,
  format: "iife",
  target: "es2022",
  minify: true,
  charset: "utf8",
  legalComments: "none",
  plugins: [worker],
  logLevel: "warning",
};

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });

const views = readdirSync(join(here, "src", "views"), { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && existsSync(join(here, "src", "views", entry.name, "index.ts")))
  .map((entry) => entry.name);

await Promise.all([
  esbuild.build({
    ...common,
    entryPoints: [join(here, "src", "app.ts")],
    outfile: join(out, "app.js"),
    define: { VIEWS: JSON.stringify(views) },
  }),
  ...views.map((name) =>
    esbuild.build({
      ...common,
      entryPoints: [join(here, "src", "views", name, "index.ts")],
      outfile: join(out, `view-${name}.js`),
      globalName: `latebloom_view_${name}`,
      footer: { js: `globalThis.latebloom_view_${name} = latebloom_view_${name};` },
    }),
  ),
  esbuild.build({ ...common, entryPoints: [join(here, "src", "style.css")], outfile: join(out, "style.css") }),
]);
cpSync(join(here, "src", "index.html"), join(out, "index.html"));
cpSync(join(here, "src", "icon.svg"), join(out, "icon.svg"));
