/** Rounds latents to the grid a package's autoencoder works on. In place. */
export type Quantiser = (latents: Float32Array) => void;

/** How a manifest describes the grid. */
export interface QuantiserOptions {
  readonly kind: "fsq";
  /** Equally spaced values from −1 to 1. */
  readonly levels: number;
}

/**
 * The quantiser a manifest asks for; without one, latents stay as they are.
 *
 * Source: Mentzer et al., "Finite Scalar Quantization: VQ-VAE Made Simple" (arXiv:2309.15505).
 */
export function quantiserOf(options: QuantiserOptions | null): Quantiser {
  if (options === null) return () => undefined;
  const steps = options.levels - 1;
  return (latents) => {
    for (let i = 0; i < latents.length; i++) {
      const level = Math.round((((latents[i] ?? 0) + 1) / 2) * steps);
      latents[i] = (Math.min(steps, Math.max(0, level)) / steps) * 2 - 1;
    }
  };
}
