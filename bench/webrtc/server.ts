/** The asking side of server-process.ts. */

import { Child } from "./child.ts";
import type { OpenStream, Source } from "./source.ts";

/** Figures of the server process. */
export interface ServerUsage {
  /** Processor time used so far. */
  readonly cpuMs: number;
  /** Bytes. */
  readonly rss: number;
  /** Bytes of JavaScript objects and buffers. */
  readonly held: number;
  /** Of the time since the last question. */
  readonly loopP99Ms: number;
  /** Most encodings of one block since the last question. */
  readonly encodings: number;
  /** Names of what keeps the process alive: sockets, timers. */
  readonly resources: readonly string[];
  /** Datagrams sent beyond this machine. */
  readonly outsidePackets: number;
}

/** What the server process answers. */
export interface ServerQuestions {
  readonly address: { readonly ask: null; readonly answer: string };
  /** `settle`: collect garbage first. */
  readonly usage: { readonly ask: { readonly settle: boolean }; readonly answer: ServerUsage };
}

/** A session as `POST /v1/sessions` describes it. */
interface SessionFacts {
  readonly id: string;
  readonly token: string;
  readonly viewer_token: string;
}

/** A stream of the real server. */
export interface ServerStream extends OpenStream, SessionFacts {}

/** The real server in a process of its own. Lifetime: until `stop`. */
export class BenchServer implements Source {
  readonly name = "zoetrope";
  readonly address: URL;
  readonly #child: Child<ServerQuestions>;

  private constructor(child: Child<ServerQuestions>, address: URL) {
    this.#child = child;
    this.address = address;
  }

  static async start(): Promise<BenchServer> {
    const child = new Child<ServerQuestions>(new URL("./server-process.ts", import.meta.url), [
      "--expose-gc",
    ]);
    return new BenchServer(child, new URL(await child.ask("address", null)));
  }

  get origin(): string {
    return this.address.origin;
  }

  get pid(): number {
    return this.#child.pid;
  }

  usage(settle = false): Promise<ServerUsage> {
    return this.#child.ask("usage", { settle });
  }

  /** A session with pictures and sound. */
  async open(): Promise<ServerStream> {
    const body = JSON.stringify({ model: "tiny-separable", parameters: { sound: "test" } });
    const headers = { "content-type": "application/json" };
    const answer = await this.fetch("/v1/sessions", { method: "POST", body, headers });
    if (answer.status !== 201) throw new Error(`no session: ${await answer.text()}`);
    const facts = (await answer.json()) as SessionFacts;
    const { id, token } = facts;
    const whep = new URL(`/v1/sessions/${id}/whep`, this.address).href;
    return {
      ...facts,
      target: ({ delay = "default" } = {}) => ({ url: `${whep}?delay=${delay}`, token }),
      close: async () => {
        await this.fetch(`/v1/sessions/${id}`, { method: "DELETE" });
      },
    };
  }

  fetch(path: string, init?: RequestInit): Promise<Response> {
    return fetch(new URL(path, this.address), init);
  }

  stop(): Promise<void> {
    return this.#child.stop();
  }
}
