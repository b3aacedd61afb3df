/** What each folder of `src` may import from the others. */
const LAYERS = {
  core: [],
  protocol: ["core"],
  cache: ["core"],
  media: ["core"],
  models: ["core", "cache"],
  stream: ["core", "cache", "models", "media"],
  transport: ["core", "protocol", "media"],
  server: ["core", "protocol", "cache", "media", "models", "stream", "transport"],
};

/** The one home of each vendor package. */
const VENDORS = {
  "onnxruntime-node": "^(src/models/ort/|bench/|tests/)",
  "node-av": "^(src/media/codecs/|bench/|tests/)",
  "fluent-ffmpeg": "^(src/media/files/|bench/|tests/)",
  mediabunny: "^(src/media/files/|clients/|bench/|tests/)",
  pngjs: "^(src/models/pictures|src/media/files/|bench/|tests/)",
  werift: "^(src/transport/webrtc/|bench/|tests/)",
  ws: "^(src/transport/websocket/|bench/|tests/)",
  pino: "^src/server/logger",
  fastify: "^src/server/",
  zod: "^src/(protocol/|models/manifest|server/config)",
  rxjs: "^(src/(stream|transport|server)/|clients/|tests/)",
};

const layer = ([name, below]) => ({
  name: `${name} imports only ${below.join(", ") || "itself"}`,
  severity: "error",
  from: { path: `^src/${name}/` },
  to: { path: "^src/", pathNot: [name, ...below].map((folder) => `^src/${folder}/`) },
});

const fence = ([pkg, home]) => ({
  name: `${pkg} has one home`,
  severity: "error",
  from: { pathNot: home },
  to: { path: `(^|node_modules/)${pkg}(/|$)` },
});

module.exports = {
  forbidden: [
    { name: "no cycles", severity: "error", from: {}, to: { circular: true } },
    {
      name: "browser code imports only core and protocol",
      severity: "error",
      from: { path: "^clients/(web|console|agents)/" },
      to: { path: "^src/", pathNot: "^src/(core|protocol)/" },
    },
    {
      name: "pure layers use no node built-ins",
      severity: "error",
      from: {
        path: ["^src/(core|protocol|cache|stream)/", "^src/media/[^/]+$"],
        pathNot: "^src/stream/engine/",
      },
      to: { dependencyTypes: ["core"] },
    },
    ...Object.entries(LAYERS).map(layer),
    ...Object.entries(VENDORS).map(fence),
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    doNotFollow: { path: "node_modules" },
  },
};
