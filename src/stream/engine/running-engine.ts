import type { Clock } from "../../core/clock.ts";
import { StreamError } from "../../core/errors.ts";
import { as, type Millis } from "../../core/units.ts";
import { BlockDeadline, LEAST_BLOCK_DEADLINE } from "./block-deadline.ts";
import type { EngineChannel } from "./channel.ts";
import type { EngineOptions } from "./contract.ts";
import type {
  EngineAnswer,
  EngineCall,
  EngineFacts,
  EngineMessage,
  EngineMethod,
  MadeBlock,
  StartMessage,
} from "./messages.ts";
import { Watchdog } from "./watchdog.ts";

/** Why an engine is no more. */
export interface EngineLoss {
  readonly cause: "exit" | "hang";
  readonly detail: string;
}

/** A call that the engine did not live to answer. */
export class InterruptedCall extends StreamError {
  /** The oldest of its engine's calls: what the engine was at work on when it ended. */
  readonly isSuspect: boolean;

  constructor({ cause, detail }: EngineLoss, isSuspect: boolean) {
    super(cause === "hang" ? "engine_hung" : "engine_lost", detail, { recovery: "retry" });
    this.isSuspect = isSuspect;
  }
}

/** A package is read, checked and warmed up inside this time. */
const START_DEADLINE: Millis = as(120_000);
/** An engine with nothing to do is asked this often whether it lives. */
const PING_EVERY: Millis = as(1_000);
/** The shortest deadline is counted in this many beats. */
const BEATS = 8;

interface Outstanding {
  readonly method: EngineMethod;
  readonly resolve: (answer: EngineAnswer) => void;
  readonly reject: (error: StreamError) => void;
}

/** What a running engine is built on. */
export interface RunningParts {
  readonly channel: EngineChannel;
  readonly clock: Clock;
  /** How long a call may take; an engine that makes blocks only is judged by how long those took. */
  readonly callDeadline: Millis;
  /** Called once, at the moment the engine is lost and before its calls are rejected. */
  readonly onLost: (loss: EngineLoss) => void;
}

/** One engine process that is ready for calls. Lifetime: until it is lost or `close`. */
export class RunningEngine {
  readonly facts: EngineFacts;
  readonly #channel: EngineChannel;
  readonly #clock: Clock;
  readonly #onLost: (loss: EngineLoss) => void;
  readonly #callDeadline: Millis;
  readonly #blockDeadline: BlockDeadline;
  readonly #beat: Millis;
  readonly #watchdog: Watchdog;
  readonly #outstanding = new Map<number, Outstanding>();
  readonly #life = new AbortController();
  #loss: EngineLoss | undefined;
  #nextId = 0;

  private constructor(facts: EngineFacts, { channel, clock, callDeadline, onLost }: RunningParts) {
    this.facts = facts;
    this.#channel = channel;
    this.#clock = clock;
    this.#onLost = onLost;
    this.#callDeadline = callDeadline;
    this.#blockDeadline = new BlockDeadline(callDeadline);
    this.#beat = as(Math.min(callDeadline, LEAST_BLOCK_DEADLINE) / BEATS);
    this.#watchdog = new Watchdog(Math.ceil(callDeadline / this.#beat));
  }

  /**
   * Wait until the process at the other end of `channel` has loaded its package.
   *
   * @throws {StreamError} the reason for which it refused; `engine_lost` or `engine_hung` when it gave none.
   *   The process is ended then.
   */
  static async start(options: EngineOptions, parts: RunningParts): Promise<RunningEngine> {
    const { channel, clock } = parts;
    const engine = new RunningEngine(await loaded(options, channel, clock), parts);
    channel.receive((message) => engine.#receive(message));
    void channel.ended.then((detail) => engine.#end({ cause: "exit", detail }));
    void engine.#watch();
    return engine;
  }

  get pid(): number {
    return this.#channel.pid;
  }

  get isLost(): boolean {
    return this.#loss !== undefined;
  }

  /**
   * Ask one thing.
   *
   * @throws {StreamError} what the engine refused it with; {@link InterruptedCall} when the engine ended.
   */
  call<M extends EngineMethod>(call: Extract<EngineCall, { method: M }>): Promise<EngineAnswer<M>> {
    if (this.#loss !== undefined) return Promise.reject(new InterruptedCall(this.#loss, false));
    const id = this.#nextId++;
    const { promise, resolve, reject } = Promise.withResolvers<EngineAnswer>();
    this.#outstanding.set(id, { method: call.method, resolve, reject });
    this.#watchdog.asked(id, Math.ceil(this.#silenceOf(call.method) / this.#beat));
    this.#channel.post({ id, call });
    return promise;
  }

  /** End the process; settles when it is gone. It is not lost then. */
  async close(): Promise<void> {
    this.#stop({ cause: "exit", detail: "the engine was closed" });
    this.#channel.kill();
    await this.#channel.ended;
  }

  #receive(message: EngineMessage): void {
    if (message.type !== "answer" && message.type !== "refusal") return;
    const waiting = this.#outstanding.get(message.id);
    if (waiting === undefined) return;
    this.#outstanding.delete(message.id);
    this.#watchdog.answered(message.id);
    if (message.type === "refusal") {
      waiting.reject(StreamError.from(message.error));
      return;
    }
    if (waiting.method === "next") {
      this.#blockDeadline.made((message.answer as MadeBlock).result.timings.total);
    }
    waiting.resolve(message.answer);
  }

  /** How long an engine that lives may be silent over a call; a ping waits for nothing but a block. */
  #silenceOf(method: EngineMethod): Millis {
    return method === "next" || method === "ping"
      ? this.#blockDeadline.current
      : this.#callDeadline;
  }

  async #watch(): Promise<void> {
    for (let quiet = 0; ; ) {
      try {
        await this.#clock.sleep(this.#beat, this.#life.signal);
      } catch {
        // Only the engine's end interrupts the sleep.
        return;
      }
      if (this.#watchdog.beat()) {
        this.#end({ cause: "hang", detail: "it stopped answering" });
        this.#channel.kill();
        return;
      }
      quiet = this.#watchdog.isIdle ? quiet + this.#beat : 0;
      if (quiet < PING_EVERY) continue;
      quiet = 0;
      // An engine that is lost is dealt with by `onLost`.
      this.call({ method: "ping" }).catch(() => undefined);
    }
  }

  #end(loss: EngineLoss): void {
    if (this.#loss !== undefined) return;
    this.#loss = loss;
    this.#onLost(loss);
    this.#stop(loss);
  }

  #stop(loss: EngineLoss): void {
    this.#loss ??= loss;
    this.#life.abort();
    const waiting = [...this.#outstanding.values()];
    const suspect = waiting.find(({ method }) => method !== "ping");
    this.#outstanding.clear();
    for (const call of waiting) call.reject(new InterruptedCall(loss, call === suspect));
  }
}

/** Wait for the engine's first word. */
async function loaded(
  { packagePath, provider, intraOpThreads }: EngineOptions,
  channel: EngineChannel,
  clock: Clock,
): Promise<EngineFacts> {
  const first = Promise.withResolvers<EngineFacts>();
  const waiting = new AbortController();
  channel.receive((message) => {
    if (message.type === "ready") first.resolve(message.facts);
    if (message.type === "failed") first.reject(StreamError.from(message.error));
  });
  void channel.ended.then((how) => {
    first.reject(lostWhileLoading("engine_lost", `the engine ended while it loaded: ${how}`));
  });
  clock.sleep(START_DEADLINE, waiting.signal).then(
    () => first.reject(lostWhileLoading("engine_hung", "the engine did not load in time")),
    () => undefined,
  );
  const threads = intraOpThreads === undefined ? {} : { intraOpThreads };
  channel.post({ packagePath, provider, ...threads } satisfies StartMessage);
  try {
    return await first.promise;
  } catch (cause) {
    channel.kill();
    throw cause;
  } finally {
    waiting.abort();
  }
}

const lostWhileLoading = (code: "engine_lost" | "engine_hung", message: string): StreamError =>
  new StreamError(code, message, { recovery: "retry" });
