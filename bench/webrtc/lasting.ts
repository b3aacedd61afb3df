/** Bar 11: what viewers leave behind. */

import type { BenchFigures } from "../bench.ts";
import { median, rounded } from "../statistics.ts";
import { pause, say, type Tools } from "./parts.ts";
import { Receivers } from "./receivers.ts";
import type { BenchServer, ServerUsage } from "./server.ts";

const CYCLES = 100;
const QUICK_CYCLES = 10;
const WARM_UP = 10;
/** Idle connections of HTTP clients are gone after this long. */
const SETTLE_SECONDS = 6;
const MEBIBYTE = 2 ** 20;
const LOOK_EVERY_SECONDS = 0.5;
const PATIENCE_SECONDS = 90;

/** Open and close sessions with a viewer each; then let a viewer vanish. */
export async function lasting({ server, length }: Tools): Promise<BenchFigures> {
  const count = length < 60 ? QUICK_CYCLES : CYCLES;
  say(`${count} sessions opened and closed`);
  const receivers = new Receivers();
  await cycles(server, receivers, WARM_UP);
  const before = await settled(server);
  const times = await cycles(server, receivers, count);
  const after = await settled(server);
  await receivers.stop();
  const { sessions } = (await (await server.fetch("/v1/sessions")).json()) as SessionList;
  return {
    cycles: count,
    cycle_ms: rounded(median(times)),
    cycles_left_over: sessions.length + leftOver(before, after),
    cycles_rss_growth_mb: rounded((after.rss - before.rss) / MEBIBYTE),
    silent_client_gone_s: rounded(await silentClient(server), 1),
    packets_outside: after.outsidePackets,
  };
}

interface SessionList {
  readonly sessions: readonly unknown[];
}

async function cycles(server: BenchServer, receivers: Receivers, count: number): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const began = performance.now();
    const stream = await server.open();
    await receivers.open(stream.target());
    await receivers.close();
    await stream.close();
    times.push(performance.now() - began);
  }
  return times;
}

async function settled(server: BenchServer): Promise<ServerUsage> {
  await pause(SETTLE_SECONDS);
  return server.usage(true);
}

/** Sockets and timers that were not there before. */
function leftOver(before: ServerUsage, after: ServerUsage): number {
  const count = ({ resources }: ServerUsage, name: string) =>
    resources.filter((each) => each === name).length;
  const grown = [...new Set(after.resources)].map(
    (name) => count(after, name) - count(before, name),
  );
  return grown.reduce((sum, more) => sum + Math.max(0, more), 0);
}

/** Seconds until the server has forgotten a viewer whose process was ended; infinite when it never does. */
async function silentClient(server: BenchServer): Promise<number> {
  say("a viewer that vanishes");
  const receivers = new Receivers();
  const stream = await server.open();
  await receivers.open(stream.target());
  const began = performance.now();
  await receivers.stop();
  for (;;) {
    await pause(LOOK_EVERY_SECONDS);
    const answer = await server.fetch(`/v1/sessions/${stream.id}`);
    const { viewers = 0 } = (await answer.json()) as { readonly viewers?: number };
    const waited = (performance.now() - began) / 1000;
    if (viewers === 0 || waited > PATIENCE_SECONDS) {
      await stream.close();
      return viewers === 0 ? waited : Infinity;
    }
  }
}
