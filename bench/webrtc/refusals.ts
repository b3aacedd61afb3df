/** Bad input: how soon an offer is refused that nobody means well. */

import { once } from "node:events";
import { connect } from "node:net";
import { candidateAt, offerOf } from "../../tests/support/offers.ts";
import type { BenchFigures } from "../bench.ts";
import { median, quantile, rounded } from "../statistics.ts";
import { say, type Tools } from "./parts.ts";
import type { WhepTarget } from "./source.ts";

const ROUNDS = 50;
const QUICK_ROUNDS = 5;

const candidates = (...addresses: readonly string[]): string =>
  offerOf({ candidates: addresses.map((address) => candidateAt(address)) });

const OFFERS: readonly string[] = [
  // 50,000 candidates; as many as fit into the size that is read; 500 media sections; 1 MB.
  candidates(...Array<string>(50_000).fill("8.8.8.8")),
  candidates(...Array<string>(700).fill("8.8.8.8")),
  offerOf() + "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n".repeat(500),
  offerOf() + "a=x\r\n".repeat(200_000),
  offerOf().replaceAll(/a=fingerprint.*\r\n/g, ""),
  candidates("0.0.0.0"),
  candidates("224.0.0.1"),
];

/** Post each offer many times, as somebody who holds the session's token. */
export async function refusals({ server, length }: Tools): Promise<BenchFigures> {
  const rounds = length < 60 ? QUICK_ROUNDS : ROUNDS;
  say(`${OFFERS.length} hostile offers, ${rounds} times each`);
  const stream = await server.open();
  const requests = OFFERS.map((offer) => requestOf(stream.target(), offer));
  const byKind: Refused[][] = requests.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [kind, request] of requests.entries()) {
      byKind[kind]?.push(await refusal(server.address, request));
    }
  }
  await stream.close();
  const medians = byKind.map((refused) => median(refused.map(({ ms }) => ms)));
  const all = byKind.flat();
  return {
    refusals: all.length,
    refusal_ms: rounded(Math.max(...medians)),
    refusal_p95_ms: rounded(
      quantile(
        all.map(({ ms }) => ms),
        0.95,
      ),
    ),
    refused_wrongly: all.filter(({ status }) => status < 400 || status > 499).length,
  };
}

interface Refused {
  readonly ms: number;
  readonly status: number;
}

function requestOf({ url, token }: WhepTarget, offer: string): Buffer {
  const { pathname, host } = new URL(url);
  const head = [
    `POST ${pathname} HTTP/1.1`,
    `host: ${host}`,
    `authorization: Bearer ${token}`,
    "content-type: application/sdp",
    `content-length: ${Buffer.byteLength(offer)}`,
    ...["", ""],
  ];
  return Buffer.from(head.join("\r\n") + offer);
}

/** From the request's first byte to the answer's, without what an HTTP client would add. */
async function refusal({ hostname, port }: URL, request: Buffer): Promise<Refused> {
  const socket = connect(Number(port), hostname);
  await once(socket, "connect");
  const began = performance.now();
  socket.write(request);
  const [answer] = (await once(socket, "data")) as [Buffer];
  const ms = performance.now() - began;
  socket.destroy();
  return { ms, status: Number(answer.toString("latin1", 9, 12)) };
}
