/** Freeze and thaw a whole generation. */

import { createHash, timingSafeEqual } from "node:crypto";
import { CACHE_POLICIES, type CacheChoice } from "../cache/choice.ts";
import { ByteReader, ByteWriter } from "../core/bytes.ts";
import { StreamError } from "../core/errors.ts";

/** What a generation is, besides its floats. */
export interface GenerationHead {
  /** Digest of the package it belongs to. */
  readonly package: string;
  readonly seed: number;
  readonly block: number;
  readonly cache: CacheChoice;
  /** Whether the newest block is in the cache already. */
  readonly isCommitted: boolean;
}

/** A frozen generation. */
export interface FrozenGeneration {
  readonly head: GenerationHead;
  /** The history's floats, in order. */
  readonly history: Uint8Array;
  /** One, or one for each step. */
  readonly caches: readonly Uint8Array[];
}

const MAGIC = "ZOETSNP3";
const DIGEST_BYTES = 32;
const MOST_HEAD_BYTES = 4096;
/** As many as a schedule has steps at the most. */
const MOST_CACHES = 64;

/** One self-contained piece, with a digest at its end. */
export function packGeneration({ head, history, caches }: FrozenGeneration): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify(head));
  const writer = new ByteWriter()
    .put(new TextEncoder().encode(MAGIC))
    .put(Uint32Array.of(text.length, history.length, caches.length))
    .put(Uint32Array.from(caches, ({ length }) => length))
    .put(text)
    .put(history);
  for (const cache of caches) writer.put(cache);
  const body = writer.finish();
  return new ByteWriter().put(body).put(digestOf(body)).finish();
}

/**
 * Take apart what `packGeneration` made.
 *
 * @throws {StreamError} `snapshot_invalid` when the bytes are damaged, cut or of something else.
 */
export function unpackGeneration(bytes: Uint8Array): FrozenGeneration {
  requireValid(bytes.length > DIGEST_BYTES, "it is too short");
  const body = bytes.subarray(0, bytes.length - DIGEST_BYTES);
  const digest = bytes.subarray(body.length);
  requireValid(timingSafeEqual(digestOf(body), digest), "its digest does not match, it is damaged");
  try {
    const reader = new ByteReader(body);
    requireValid(
      new TextDecoder().decode(reader.take(MAGIC.length)) === MAGIC,
      "it has another format",
    );
    const [textLength = 0, historyLength = 0, count = 0] = reader.fill(new Uint32Array(3));
    requireValid(textLength <= MOST_HEAD_BYTES, "its head is too long");
    requireValid(count <= MOST_CACHES, "it has too many caches");
    const lengths = [...reader.fill(new Uint32Array(count))];
    const head = headFrom(new TextDecoder().decode(reader.take(textLength)));
    const history = reader.take(historyLength);
    return { head, history, caches: lengths.map((length) => reader.take(length)) };
  } catch (cause) {
    if (StreamError.is(cause)) throw cause;
    throw new StreamError("snapshot_invalid", "this is no snapshot: its parts do not fit", {
      cause,
    });
  }
}

/** What the head must be for a generation to take it as it is; whether it fits a package is not said here. */
function headFrom(text: string): GenerationHead {
  const head = JSON.parse(text) as Partial<GenerationHead>;
  const { seed, block, cache } = head;
  const counts = [seed, block, cache?.windowFrames, cache?.sinkFrames];
  requireValid(
    typeof head.package === "string" &&
      typeof head.isCommitted === "boolean" &&
      CACHE_POLICIES.some((name) => name === cache?.policy) &&
      counts.every((n) => Number.isSafeInteger(n) && Number(n) >= 0),
    "its head is off",
  );
  return head as GenerationHead;
}

const digestOf = (body: Uint8Array): Uint8Array => createHash("sha256").update(body).digest();

function requireValid(condition: boolean, what: string): void {
  if (!condition) throw new StreamError("snapshot_invalid", `this is no snapshot: ${what}`);
}
