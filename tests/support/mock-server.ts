import { createServer } from "node:http";
import { readFileSync, existsSync } from "node:fs";
import { WebSocketServer } from "ws";
import { encodeMediaFrame } from "../../src/protocol/media-frame.ts";
import { parseClientMessage, liveParametersSchema } from "../../src/protocol/messages.ts";
const dist = new URL("../../clients/dist/", import.meta.url);
const frames = readFileSync("/tmp/zt/clients/frames.bin");
const N = 128 * 128 * 3;
const button = (name: string, title: string) => ({ name, title, kind: "button", default: 0, merge: "hold" });
const model = {
  id: "arcade", version: "1.0.0", title: "Arcade", description: "A platform game with no game engine: a diffusion model that has only ever seen it played.",
  licence: "MIT", cover: "cover.png", video: { width: 128, height: 128, frame_rate: 20 }, frames_per_block: 1,
  steps: { default: 2, choices: [1, 2, 4] }, cache: { window_frames: 16, sink_frames: 1 },
  controls: [button("left", "Run left"), button("right", "Run right"), button("jump", "Jump")],
  starts: [{ id: "day", title: "Day" }, { id: "dusk", title: "Dusk" }, { id: "night", title: "Night" }],
};
const types: Record<string, string> = { html: "text/html", js: "text/javascript", css: "text/css", svg: "image/svg+xml", map: "application/json" };
const http = createServer((req, res) => {
  const path = new URL(req.url ?? "/", "http://x").pathname;
  const json = (v: unknown) => { res.setHeader("content-type", "application/json"); res.end(JSON.stringify(v)); };
  if (path === "/v1/models") return json({ models: [model] });
  if (path.endsWith("/schema")) return json(liveParametersSchema());
  if (path.endsWith("/cover")) { res.setHeader("content-type", "image/png"); res.end(readFileSync("/tmp/zt/clients/cover.png")); return; }
  const file = new URL(path === "/" ? "index.html" : path.slice(1), dist);
  if (!existsSync(file)) { res.statusCode = 404; res.end(); return; }
  res.setHeader("content-security-policy", "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; worker-src 'self'; connect-src 'self'");
  res.setHeader("content-type", types[file.pathname.split(".").pop() ?? ""] ?? "text/plain");
  res.end(readFileSync(file));
});
const wss = new WebSocketServer({ server: http, path: "/v1/realtime" });
wss.on("connection", (ws) => {
  let n = 0, seq = 0, epoch = 0, paused = false, scene = 1, bytes = 0, held = false;
  const params = { steps: 2, seed: 7, window_frames: 16, sink_frames: 1 };
  const say = (e: object) => ws.send(JSON.stringify(e));
  const frame = () => {
    const pic = Buffer.from(frames.subarray((held ? 3 : scene) * N, (held ? 3 : scene) * N + N));
    const x = (n * 2) % 120;
    for (let y = 100; y < 108; y++) for (let i = 0; i < 8; i++) pic.fill(255, (y * 128 + x + i) * 3, (y * 128 + x + i) * 3 + 3);
    const m = encodeMediaFrame({ kind: "video", codec: "rgb", key: true, discardable: false, endOfBlock: true, rendition: 0, sequence: seq++, pts: n * 50000 as never, duration: 50000 as never, epoch, frame: n as never, block: n as never }, pic);
    bytes += m.length; ws.send(m); n++;
  };
  const report = () => say({ type: "stats.report", session: "s", pts: n * 50000, block: n, frame: n, fps: 20, block_ms: { p50: 21 + Math.random() * 4, p95: 27, max: 31 }, stages_ms: { encoder: 5, denoise: 12, decode: 3, encode: 1 }, cache: { policy: "window", bytes: 1_210_000, slots: 1088, capacity: 1088 }, viewer: { in_flight_frames: 1, dropped_frames: 0, sent_bytes: bytes, bitrate: 500000 } });
  const t1 = setInterval(() => { if (!paused && seq >= 0) frame(); }, 50);
  const t2 = setInterval(report, 1000);
  ws.on("close", () => { clearInterval(t1); clearInterval(t2); });
  ws.on("message", (d) => {
    let m; try { m = parseClientMessage(String(d)); } catch (e) { say({ type: "error", error: (e as { serialise(): unknown }).serialise() }); return; }
    const id = "event_id" in m && m.event_id ? { event_id: m.event_id } : {};
    if (m.type === "session.start" || m.type === "session.resume") {
      say({ type: m.type === "session.start" ? "session.created" : "session.resumed", protocol: 1, session: "sess-1234", token: "0123456789abcdef", state: "streaming", model, parameters: params, grace_ms: 30000, idle_ms: 1e6, max_ms: 1e7 });
      say({ type: "media.config", rendition: 0, kind: "video", codec: "rgb", width: 128, height: 128, frame_rate: 20 });
    } else if (m.type === "control.input") { epoch++; held = m.values["jump"] === 1; say({ type: "input.accepted", ...id, epoch }); }
    else if (m.type === "generation.pause") { paused = true; say({ type: "generation.paused", ...id, block: n, pts: 0 }); }
    else if (m.type === "generation.resume") { paused = false; say({ type: "generation.resumed", ...id, block: n, pts: 0 }); }
    else if (m.type === "generation.step") { frame(); say({ type: "input.accepted", ...id, epoch }); }
    else if (m.type === "generation.reset") { scene = { day: 1, dusk: 2, night: 3 }[m.start ?? "day"] ?? 1; say({ type: "generation.reset", ...id, block: n, pts: 0 }); }
    else if (m.type === "params.update") { Object.assign(params, m.parameters); say({ type: "session.updated", ...id, state: "streaming", parameters: params }); }
    else if (m.type === "session.ping") say({ type: "session.pong", ...id });
  });
});
http.listen(Number(process.argv[2] ?? 9080), "127.0.0.1");
