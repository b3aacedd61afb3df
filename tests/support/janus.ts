/** Debian's Janus, an SFU that nobody here wrote, with a WHIP endpoint in front of its video room. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const LIBRARIES = process.env["JANUS_LIBRARIES"] ?? "/usr/lib/x86_64-linux-gnu/janus";
const ROOM = 1234;
const SECRET = "of-this-test";
const READY_WITHIN_MS = 20_000;

/** What Janus counted of one of our streams. */
export interface JanusMedia {
  readonly type: "audio" | "video";
  readonly packets: number;
  readonly bytes: number;
  readonly lost: number;
}

interface Handle {
  readonly session: number;
  readonly handle: number;
}

interface JanusMessage {
  readonly janus: string;
  readonly data?: { readonly id: number };
  readonly jsep?: { readonly sdp: string };
  readonly info?: { readonly webrtc?: { readonly media?: Record<string, MediaInfo> } };
}

interface MediaInfo {
  readonly type: "audio" | "video";
  readonly stats?: { readonly in?: { readonly packets?: number; readonly bytes?: number } };
  readonly rtcp?: { readonly main?: { readonly lost?: number } };
}

/** A running Janus. Disposing it stops it and removes its files. */
export class Janus implements AsyncDisposable {
  readonly #folder: string;
  readonly #process: ChildProcess;
  readonly #api: string;
  readonly #admin: string;
  readonly #whip: Server;
  readonly #handles = new Map<string, Handle>();

  private constructor(folder: string, janus: ChildProcess, ports: readonly number[]) {
    this.#folder = folder;
    this.#process = janus;
    this.#api = `http://127.0.0.1:${ports[0]}/janus`;
    this.#admin = `http://127.0.0.1:${ports[1]}/admin`;
    this.#whip = createServer((request, response) => {
      this.#serve(request, response).catch(() => response.writeHead(500).end());
    });
  }

  /** Start it with one room whose publishers send `codec`. */
  static async start(codec: "h264" | "vp8"): Promise<Janus> {
    const folder = await mkdtemp(join(tmpdir(), "janus-"));
    const ports = await freePorts(2);
    await configure(folder, ports, codec);
    const child = spawn("janus", ["-F", folder], { stdio: ["ignore", "pipe", "pipe"] });
    let printed = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        printed = (printed + text).slice(-4_000);
      });
    }
    const janus = new Janus(folder, child, ports);
    await new Promise<void>((resolve) => janus.#whip.listen(0, "127.0.0.1", resolve));
    const end = performance.now() + READY_WITHIN_MS;
    while (
      !(await fetch(`${janus.#api}/info`).then(
        ({ ok }) => ok,
        () => false,
      ))
    ) {
      if (performance.now() > end) throw new Error(`Janus did not start:\n${printed}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return janus;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#whip.address() as AddressInfo).port}`;
  }

  /** The WHIP endpoint. */
  get endpoint(): string {
    return `${this.origin}/whip`;
  }

  /** Publishers that were not deleted. */
  get publishers(): number {
    return this.#handles.size;
  }

  /** What the newest publisher's streams brought so far. */
  async media(): Promise<JanusMedia[]> {
    const newest = [...this.#handles.values()].at(-1);
    if (newest === undefined) return [];
    const { info } = await ask(`${this.#admin}/${newest.session}/${newest.handle}`, {
      janus: "handle_info",
      admin_secret: SECRET,
    });
    return Object.values(info?.webrtc?.media ?? {}).map(({ type, stats, rtcp }) => ({
      type,
      packets: stats?.in?.packets ?? 0,
      bytes: stats?.in?.bytes ?? 0,
      lost: rtcp?.main?.lost ?? 0,
    }));
  }

  /** Drop the newest publisher without a word over HTTP, as a server that restarts does. */
  async drop(): Promise<void> {
    const [id, newest] = [...this.#handles].at(-1) ?? [];
    if (id === undefined || newest === undefined) return;
    this.#handles.delete(id);
    await ask(`${this.#api}/${newest.session}`, { janus: "destroy" });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === "POST" && request.url === "/whip") {
      const { id, sdp } = await this.#publish(await textOf(request));
      response.writeHead(201, { location: `/whip/${id}`, "content-type": "application/sdp" });
      response.end(sdp);
      return;
    }
    const id = request.url?.split("/").at(-1) ?? "";
    const handle = this.#handles.get(id);
    if (request.method !== "DELETE" || handle === undefined) {
      response.writeHead(404).end();
      return;
    }
    this.#handles.delete(id);
    await ask(`${this.#api}/${handle.session}`, { janus: "destroy" });
    response.writeHead(200).end();
  }

  async #publish(offer: string): Promise<{ id: string; sdp: string }> {
    const session = (await ask(this.#api, { janus: "create" })).data?.id ?? 0;
    const attached = await ask(`${this.#api}/${session}`, {
      janus: "attach",
      plugin: "janus.plugin.videoroom",
    });
    const handle = attached.data?.id ?? 0;
    await ask(`${this.#api}/${session}/${handle}`, {
      janus: "message",
      body: { request: "joinandconfigure", ptype: "publisher", room: ROOM },
      jsep: { type: "offer", sdp: offer },
    });
    for (;;) {
      const event = await ask(`${this.#api}/${session}?maxev=1`);
      if (event.jsep === undefined) continue;
      this.#handles.set(String(handle), { session, handle });
      return { id: String(handle), sdp: event.jsep.sdp };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#whip.closeAllConnections();
    this.#whip.close();
    if (this.#process.exitCode === null) {
      this.#process.kill("SIGKILL");
      await once(this.#process, "exit");
    }
    await rm(this.#folder, { recursive: true, force: true });
  }
}

async function ask(url: string, body?: Readonly<Record<string, unknown>>): Promise<JanusMessage> {
  const answer = await fetch(url, {
    ...(body !== undefined && {
      method: "POST",
      body: JSON.stringify({ ...body, transaction: "t" }),
    }),
  });
  return (await answer.json()) as JanusMessage;
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createTcpServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  for (const server of servers) server.close();
  return ports;
}

async function configure(
  folder: string,
  [port, adminPort]: readonly number[],
  codec: "h264" | "vp8",
): Promise<void> {
  const off = (names: string) =>
    names
      .split(" ")
      .map((name) => `libjanus_${name}.so`)
      .join(",");
  const plugins =
    "audiobridge duktape lua sip nosip recordplay streaming textroom videocall voicemail echotest";
  const files = {
    "janus.jcfg": `
general: { configs_folder = "${folder}", plugins_folder = "${LIBRARIES}/plugins"
  transports_folder = "${LIBRARIES}/transports", debug_level = 4, log_to_stdout = true
  admin_secret = "${SECRET}" }
nat: { ice_enforce_list = "127.0.0.1" }
plugins: { disable = "${off(plugins)}" }
transports: { disable = "${off("websockets mqtt nanomsg pfunix rabbitmq")}" }
`,
    "janus.transport.http.jcfg": `
general: { json = "compact", base_path = "/janus", http = true, port = ${port}, ip = "127.0.0.1" }
admin: { admin_http = true, admin_port = ${adminPort}, admin_ip = "127.0.0.1", admin_base_path = "/admin" }
`,
    "janus.plugin.videoroom.jcfg": `
room-${ROOM}: { description = "test", publishers = 6, videocodec = "${codec}", audiocodec = "opus", fir_freq = 2 }
`,
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
}
