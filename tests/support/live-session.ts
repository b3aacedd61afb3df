/** A session on an engine inside the test, on a clock that the test moves. */

import { silentLogger } from "../../src/core/log.ts";
import { as } from "../../src/core/units.ts";
import { loadPackage } from "../../src/models/package.ts";
import type { BlockRequest } from "../../src/stream/engine/contract.ts";
import { supervise } from "../../src/stream/engine/supervisor.ts";
import type { Picture, SessionEvent } from "../../src/stream/events.ts";
import type { SessionLimits } from "../../src/stream/limits.ts";
import type { SessionModel } from "../../src/stream/model.ts";
import { defaultParameters } from "../../src/stream/parameters.ts";
import { Session } from "../../src/stream/session.ts";
import { fixture, sessionOptions } from "./engine.ts";
import { type HashModel, hashModel } from "./hash-model.ts";
import { type LocalChannel, localChannel } from "./local-channel.ts";
import { ManualClock } from "./manual-clock.ts";

/** A picture and the time it was let go at, in milliseconds. */
interface Shown {
  readonly picture: Picture;
  readonly at: number;
}

/** What a test decides about its session. */
export interface LiveOptions {
  /** Milliseconds a block takes. */
  readonly blockTime?: number;
  readonly framesPerBlock?: number;
  readonly limits?: Partial<SessionLimits>;
}

/** A session and all it said and showed. */
export interface LiveSession {
  readonly session: Session;
  readonly clock: ManualClock;
  readonly model: HashModel;
  readonly channels: readonly LocalChannel[];
  readonly events: SessionEvent[];
  readonly shown: Shown[];
  /** What the engine was asked to make, in order. */
  readonly requests: BlockRequest[];
  /** When it was asked, in milliseconds. */
  readonly requestedAt: number[];
  /** What the engine was asked besides blocks. */
  readonly changes: string[];
}

/** Make a detached session with the controls of the tiny separable package, at 25 frames a second. */
export async function liveSession({
  blockTime = 5,
  framesPerBlock = 1,
  limits = {},
}: LiveOptions = {}): Promise<LiveSession> {
  const clock = new ManualClock();
  const model = await model25(framesPerBlock);
  model.onBlock = () => clock.sleep(as(blockTime));
  const channels: LocalChannel[] = [];
  const requests: BlockRequest[] = [];
  const requestedAt: number[] = [];
  const changes: string[] = [];
  const engine = await supervise({
    options: { packagePath: "", provider: "cpu", callDeadline: as(3_600_000) },
    onEvent: (event) => {
      if (event.type === "session-recovered") session.recovered();
    },
    logger: silentLogger,
    clock,
    restarts: { most: 3, within: as(60_000), wait: as(10) },
    openChannel: () => {
      const channel = localChannel(model, clock, ({ call }) => {
        if (call.method === "next") {
          requests.push(call.request);
          requestedAt.push(clock.now());
        } else if (call.method !== "ping") changes.push(call.method);
      });
      channels.push(channel);
      return channel;
    },
  });
  const sessionModel = sessionModelOf(model);
  const parameters = defaultParameters(sessionModel, 1);
  const session: Session = new Session({
    engine: await engine.open({ ...sessionOptions("live"), cache: parameters.cache }),
    model: sessionModel,
    parameters,
    limits: { idle: as(1e9), longest: as(1e9), grace: as(1e9), ...limits },
    clock,
  });
  changes.length = 0;
  const events: SessionEvent[] = [];
  const shown: Shown[] = [];
  const error = () => undefined;
  session.events$.subscribe({ next: (event) => events.push(event), error });
  session.pictures$.subscribe({
    next: (picture) => shown.push({ picture, at: clock.now() }),
    error,
  });
  return { session, clock, model, channels, events, shown, requests, requestedAt, changes };
}

async function model25(framesPerBlock: number): Promise<HashModel> {
  const modelPackage = await loadPackage(fixture("tiny-separable"));
  const { manifest } = modelPackage;
  const video = { ...manifest.lanes.video, framesPerBlock, frameRate: 25 };
  return hashModel({ ...modelPackage, manifest: { ...manifest, lanes: { video } } });
}

function sessionModelOf({ modelPackage: { manifest }, cache }: HashModel): SessionModel {
  const { frameRate, framesPerBlock } = manifest.lanes.video;
  return {
    controls: manifest.controls,
    frameRate,
    framesPerBlock,
    steps: { default: 2, choices: [1, 2] },
    cache,
    starts: manifest.starts.map(({ id }) => id),
  };
}

/** The types of `events` in order. */
export const typesOf = (events: readonly SessionEvent[]): string[] =>
  events.map(({ type }) => type);

/** The events of one type. */
export const eventsOf = <T extends SessionEvent["type"]>(
  events: readonly SessionEvent[],
  type: T,
): Extract<SessionEvent, { type: T }>[] =>
  events.filter((event): event is Extract<SessionEvent, { type: T }> => event.type === type);
