/** Processes of a bench's own that are asked things, one question at a time or several. */

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";

/** What a process may be asked: by name, the question and the answer. */
export type Questions<Q> = {
  readonly [Name in keyof Q]: { readonly ask: unknown; readonly answer: unknown };
};

interface Asked {
  readonly id: number;
  readonly name: string;
  readonly ask: unknown;
}
interface Answered {
  readonly id: number;
  readonly answer?: unknown;
  readonly failure?: string;
}

/** The asking side. Lifetime: until `stop`. */
export class Child<Q extends Questions<Q>> {
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #next = 0;

  /** Start the script at `url`. */
  constructor(url: URL, execArgv: readonly string[] = []) {
    this.#process = fork(url, {
      execArgv: ["--disable-warning=ExperimentalWarning", ...execArgv],
      stdio: ["ignore", "ignore", "inherit", "ipc"],
      serialization: "advanced",
    });
    this.#process.on("message", (message) => this.#take(message as Answered));
    this.#process.once("exit", (code, signal) => {
      const error = new Error(`${url.pathname} ended by ${signal ?? `code ${String(code)}`}`);
      for (const { reject } of this.#waiting.values()) reject(error);
    });
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** @throws {Error} what the process failed with, or that it ended. */
  ask<Name extends keyof Q & string>(name: Name, ask: Q[Name]["ask"]): Promise<Q[Name]["answer"]> {
    const id = this.#next++;
    const waiting = Promise.withResolvers<unknown>();
    this.#waiting.set(id, waiting);
    this.#process.send({ id, name, ask } satisfies Asked, (error) => {
      if (error === null) return;
      this.#waiting.delete(id);
      waiting.reject(error);
    });
    return waiting.promise;
  }

  /** End the process at once and wait until it is gone. */
  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const gone = once(this.#process, "exit");
    this.#waiting.clear();
    this.#process.kill("SIGKILL");
    await gone;
  }

  #take({ id, answer, failure }: Answered): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (failure === undefined) waiting?.resolve(answer);
    else waiting?.reject(new Error(failure));
  }
}

/** What answers each question of `Q`. */
export type Answers<Q extends Questions<Q>> = {
  readonly [Name in keyof Q]: (
    ask: Q[Name]["ask"],
  ) => Q[Name]["answer"] | Promise<Q[Name]["answer"]>;
};

/** The answering side, in the process itself; it ends with the one who asks. */
export function answerWith<Q extends Questions<Q>>(answers: Answers<Q>): void {
  const byName = answers as Readonly<Record<string, (ask: unknown) => unknown>>;
  process.on("disconnect", () => process.exit(0));
  // It may have gone before anybody listened.
  if (!process.connected) process.exit(0);
  process.on("message", (message) => void answerOne(message as Asked, byName));
}

async function answerOne(
  { id, name, ask }: Asked,
  answers: Readonly<Record<string, (ask: unknown) => unknown>>,
): Promise<void> {
  let answered: Answered;
  try {
    answered = { id, answer: await answers[name]?.(ask) };
  } catch (cause) {
    answered = {
      id,
      failure: cause instanceof Error ? (cause.stack ?? cause.message) : String(cause),
    };
  }
  process.send?.(answered);
}
