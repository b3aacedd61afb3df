import type { FastifyInstance } from "fastify";
import type { Engines } from "../engines.ts";
import { Gauge, type ServerMetrics } from "../metrics.ts";
import type { OfferedModel } from "../models.ts";
import type { Sessions } from "../sessions.ts";
import { openApiDocument } from "./openapi.ts";

/** What the operation routes look at. */
export interface OperationParts {
  readonly sessions: Sessions;
  readonly engines: Engines;
  readonly metrics: ServerMetrics;
  /** Models that must be ready before this server is. */
  readonly preloaded: readonly OfferedModel[];
  readonly isDraining: () => boolean;
  /** 99th percentile of the event loop's delay since it was last asked for, seconds. */
  readonly eventLoopDelay: () => number;
}

/** For those who run the server: health, readiness, metrics and the contract. */
export function operationRoutes(http: FastifyInstance, parts: OperationParts): void {
  const gauges = gaugesOf(parts);
  http.get("/healthz", () => ({ status: "ok" }));
  http.get("/readyz", (_request, reply) => {
    const readiness = readinessOf(parts);
    return reply.code(readiness.ready ? 200 : 503).send(readiness);
  });
  http.get("/metrics", (_request, reply) =>
    reply.type("text/plain; version=0.0.4; charset=utf-8").send(parts.metrics.exposition(gauges)),
  );
  http.get("/openapi.json", () => openApiDocument());
}

function readinessOf({ engines, sessions, preloaded, isDraining }: OperationParts) {
  const models = Object.fromEntries(preloaded.map((model) => [model.id, engines.state(model)]));
  const draining = isDraining();
  const isLoaded = preloaded.length > 0 && Object.values(models).every((is) => is === "ready");
  return { ready: isLoaded && !draining, models, draining, free_sessions: sessions.free };
}

function gaugesOf({ sessions, eventLoopDelay }: OperationParts): Gauge[] {
  const memory = () => process.memoryUsage().rss;
  const cpu = () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1_000_000;
  };
  return [
    new Gauge("zoetrope_sessions", "Open sessions, by state and model.", () => byState(sessions)),
    new Gauge("zoetrope_sessions_free", "Sessions that could be opened.", () => [
      [{}, sessions.free],
    ]),
    new Gauge("zoetrope_event_loop_delay_seconds", "99th percentile since the last scrape.", () => [
      [{}, eventLoopDelay()],
    ]),
    new Gauge("process_resident_memory_bytes", "Memory of the server process.", () => [
      [{}, memory()],
    ]),
    new Gauge("process_cpu_seconds", "CPU time of the server process.", () => [[{}, cpu()]]),
  ];
}

function byState(sessions: Sessions): [{ state: string; model: string }, number][] {
  const counts = new Map<string, [{ state: string; model: string }, number]>();
  for (const { session, model } of sessions.all) {
    const labels = { state: session.state, model: model.id };
    const key = `${labels.state}/${labels.model}`;
    counts.set(key, [labels, (counts.get(key)?.[1] ?? 0) + 1]);
  }
  return [...counts.values()];
}
