/** Half-precision floats (IEEE 754 binary16) as 16-bit words: Node 22 has no array of them. */

const FLOAT = new Float32Array(1);
const BITS = new Uint32Array(FLOAT.buffer);
/** Exponent bias of float32 less that of float16. */
const REBIAS = 112;
const LARGEST = 65_504;
const SMALLEST_NORMAL = 2 ** -14;
const SUBNORMAL_STEP = 2 ** -24;

/** The word nearest to `value`, ties to even; what is too large becomes the largest finite one. */
export function toHalf(value: number): number {
  FLOAT[0] = Math.min(LARGEST, Math.max(-LARGEST, value));
  const [bits = 0] = BITS;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = Math.abs(FLOAT[0]);
  if (magnitude < SMALLEST_NORMAL) return sign | roundToEven(magnitude / SUBNORMAL_STEP);
  const rest = bits & 0x7fff_ffff;
  const odd = (rest >>> 13) & 1;
  return sign | (((rest + 0xfff + odd) >>> 13) - (REBIAS << 10));
}

/** The float32 of a word. */
export function fromHalf(word: number): number {
  const magnitude = word & 0x7fff;
  const sign = (word & 0x8000) << 16;
  if (magnitude < 0x400) return (sign === 0 ? 1 : -1) * magnitude * SUBNORMAL_STEP;
  BITS[0] = sign | ((magnitude + (REBIAS << 10)) << 13);
  return FLOAT[0] ?? 0;
}

function roundToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest > 0.5 || (rest === 0.5 && below % 2 === 1)) return below + 1;
  return below;
}
