/**
 * The control state of a session: what viewers asked for, folded by each control's merge rule, sampled
 * once per block.
 */

import {
  type Control,
  type ControlValue,
  type ControlValues,
  controlVector,
  defaultControls,
} from "../core/controls.ts";
import { StreamError } from "../core/errors.ts";

/** The answer to an accepted change. */
export interface Accepted {
  readonly epoch: number;
  /** Earlier changes that no block will ever show, because this one replaced all they said. */
  readonly superseded: readonly string[];
}

/** The control state at a block's edge; constant inside the block. */
export interface ControlSample {
  readonly epoch: number;
  /** Shape [controls], float32. */
  readonly vector: Float32Array;
  /** Changes that the block sampled here is the first to show. */
  readonly eventIds: readonly string[];
}

interface Pending {
  readonly eventId: string;
  /** Controls whose value in the next sample still comes from this change. */
  readonly names: Set<string>;
}

/** A change that is waiting for its block; more waiting than this are not reported one by one. */
const MAX_PENDING = 1024;

/**
 * Controls as state with a version, the epoch, which every accepted change raises.
 *
 * `hold`: a value stays until it is changed; a button pressed and released between two samples still shows
 * as pressed in one. `latest`: as it was set last. `accumulate`: the sum since the last sample, then the
 * default again.
 */
export class ControlState {
  readonly #controls: ReadonlyMap<string, Control>;
  readonly #ordered: readonly Control[];
  #held: Record<string, ControlValue>;
  /** Buttons that went down since the last sample, whatever they are by now. */
  readonly #tapped = new Set<string>();
  #pending: Pending[] = [];
  #epoch = 0;

  constructor(controls: readonly Control[]) {
    this.#ordered = controls;
    this.#controls = new Map(controls.map((control) => [control.name, control]));
    this.#held = { ...defaultControls(controls) };
  }

  /** The version of the newest accepted change; 0 before the first. */
  get epoch(): number {
    return this.#epoch;
  }

  /**
   * Fold `values` into the state, all of them or none.
   *
   * @throws {StreamError} `unknown_control` or `bad_control` naming the control.
   */
  accept(values: ControlValues, eventId?: string): Accepted {
    const entries = Object.entries(values).map(
      ([name, value]) => [this.#find(name), value] as const,
    );
    for (const [control, value] of entries) checkControl(control, value);
    const superseded = entries.flatMap(([control, value]) => this.#fold(control, value));
    const epoch = this.note(eventId, Object.keys(values));
    return { epoch, superseded };
  }

  /** Raise the epoch for a change that is not a control's value: a parameter, a reset. */
  note(eventId?: string, names: readonly string[] = [NO_CONTROL]): number {
    this.#epoch += 1;
    if (eventId !== undefined && this.#pending.length < MAX_PENDING) {
      this.#pending.push({ eventId, names: new Set(names) });
    }
    return this.#epoch;
  }

  /** Take the state for the block about to be made; accumulated values begin again. */
  sample(): ControlSample {
    const values: Record<string, ControlValue> = { ...this.#held };
    for (const name of this.#tapped) values[name] = 1;
    const eventIds = this.#pending.map(({ eventId }) => eventId);
    this.#tapped.clear();
    this.#pending = [];
    for (const control of this.#ordered) {
      if (control.merge === "accumulate") this.#held[control.name] = control.default;
    }
    return { epoch: this.#epoch, vector: controlVector(this.#ordered, values), eventIds };
  }

  /** Every control at its default: nobody is steering any more. */
  release(): void {
    this.#held = { ...defaultControls(this.#ordered) };
    this.#tapped.clear();
  }

  #find(name: string): Control {
    const control = this.#controls.get(name);
    if (control !== undefined) return control;
    const known = this.#ordered.map((each) => each.name).join(", ");
    throw new StreamError(
      "unknown_control",
      `this model has no control \`${name}\`; it has: ${known}`,
      {
        detail: { control: name },
      },
    );
  }

  #fold(control: Control, value: ControlValue): string[] {
    const { name } = control;
    if (control.kind === "axis" && control.merge === "accumulate") {
      const [low, high] = control.range;
      const sum = Number(this.#held[name]) + Number(value);
      this.#held[name] = Math.min(high, Math.max(low, sum));
      return [];
    }
    const tap = control.kind === "button" && control.merge === "hold";
    if (tap && value === 1) this.#tapped.add(name);
    this.#held[name] = value;
    return tap && value === 0 && this.#tapped.has(name) ? [] : this.#supersede(name);
  }

  /** Take `name` away from every waiting change; those left with nothing are superseded. */
  #supersede(name: string): string[] {
    const emptied = this.#pending.filter(({ names }) => names.delete(name) && names.size === 0);
    if (emptied.length === 0) return [];
    this.#pending = this.#pending.filter((pending) => !emptied.includes(pending));
    return emptied.map(({ eventId }) => eventId);
  }
}

/** Stands for what no control's value can replace. */
const NO_CONTROL = "";

/**
 * Check that `control` can take `value`.
 *
 * @throws {StreamError} `bad_control` saying what it can take.
 */
function checkControl(control: Control, value: ControlValue): void {
  const wanted = expectation(control, value);
  if (wanted === undefined) return;
  throw new StreamError("bad_control", `control \`${control.name}\` takes ${wanted}`, {
    detail: { control: control.name },
  });
}

function expectation(control: Control, value: ControlValue): string | undefined {
  switch (control.kind) {
    case "button":
      return value === 0 || value === 1 ? undefined : "0 or 1";
    case "axis": {
      const [low, high] = control.range;
      const fits = typeof value === "number" && value >= low && value <= high;
      return fits ? undefined : `a number from ${low} to ${high}`;
    }
    case "choice": {
      const fits = typeof value === "string" && control.options.includes(value);
      return fits ? undefined : `one of ${control.options.join(", ")}`;
    }
  }
}
