/** An engine "process" inside the test: a real session table behind copied messages, ended at will. */

import type { Clock } from "../../src/core/clock.ts";
import { toStreamError } from "../../src/core/errors.ts";
import { openEncoder, openSoundEncoder } from "../../src/media/codecs/open.ts";
import type { EngineChannel } from "../../src/stream/engine/channel.ts";
import type { CallMessage, EngineMessage, StartMessage } from "../../src/stream/engine/messages.ts";
import { SessionTable } from "../../src/stream/engine/session-table.ts";
import { Turns } from "../../src/stream/engine/turns.ts";
import type { HashModel } from "./hash-model.ts";

/** The handle a test has on one such process. */
export interface LocalChannel extends EngineChannel {
  readonly table: SessionTable;
  /** Calls that reached it, in order. */
  readonly calls: string[];
  readonly isOver: boolean;
  /** Let it end by itself. */
  crash(how?: string): void;
  /** Hear nothing and say nothing until the end. */
  freeze(): void;
}

let pids = 1000;

/** A process that serves `model`; `onCall` sees each call before it is answered. */
export function localChannel(
  model: HashModel,
  clock: Clock,
  onCall: (message: CallMessage, channel: LocalChannel) => void = () => undefined,
): LocalChannel {
  const table = new SessionTable({
    model,
    openEncoder,
    openSoundEncoder,
    clock,
    compute: new Turns(),
  });
  const ending = Promise.withResolvers<string>();
  const state = { isOver: false, isFrozen: false };
  let receiver: (message: EngineMessage) => void = () => undefined;

  const say = (message: EngineMessage): void => {
    const copy = structuredClone(message);
    queueMicrotask(() => {
      if (!state.isOver && !state.isFrozen) receiver(copy);
    });
  };
  const answer = async ({ id, call }: CallMessage): Promise<void> => {
    try {
      say({ type: "answer", id, answer: await table.answer(call) });
    } catch (cause) {
      say({ type: "refusal", id, error: toStreamError(cause).serialise() });
    }
  };
  const hear = (message: StartMessage | CallMessage): void => {
    if (state.isOver || state.isFrozen) return;
    if (!("call" in message)) {
      say({ type: "ready", facts: table.facts });
      return;
    }
    channel.calls.push(message.call.method);
    onCall(message, channel);
    if (!channel.isOver) void answer(message);
  };
  const channel: LocalChannel = {
    pid: pids++,
    table,
    calls: [],
    ended: ending.promise,
    get isOver() {
      return state.isOver;
    },
    post: (message) => {
      const copy = structuredClone(message);
      queueMicrotask(() => hear(copy));
    },
    receive: (next) => {
      receiver = next;
    },
    kill: () => channel.crash("it was ended by SIGKILL"),
    crash: (how = "it crashed") => {
      state.isOver = true;
      ending.resolve(how);
    },
    freeze: () => {
      state.isFrozen = true;
    },
  };
  return channel;
}
