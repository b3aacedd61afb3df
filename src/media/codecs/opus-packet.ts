/** What the first bytes of an Opus packet say of it (RFC 6716, section 3.1). */

/** Samples at 48 kHz of one frame, by the five bits of its configuration: SILK, hybrid, CELT. */
const SILK = [480, 960, 1_920, 2_880];
const HYBRID = [480, 960];
const CELT = [120, 240, 480, 960];
/** Frames of a packet, by its code; code 3 has the count in the second byte. */
const FRAMES = [1, 2, 2];
const COUNT_MASK = 0b11_1111;

/** How long a packet lasts, in samples at 48 kHz; 0 for one that says nothing of it. Pure. */
export function opusSamples(packet: Uint8Array): number {
  const [toc, count = 0] = packet;
  if (toc === undefined) return 0;
  return frameSamples(toc >> 3) * (FRAMES[toc & 3] ?? count & COUNT_MASK);
}

function frameSamples(configuration: number): number {
  const sizes = configuration < 12 ? SILK : configuration < 16 ? HYBRID : CELT;
  return sizes[configuration % sizes.length] ?? 0;
}
