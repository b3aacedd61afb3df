import { describe, expect, it } from "vitest";
import { as } from "../../../../src/core/units.ts";
import { Restarts } from "../../../../src/stream/engine/restarts.ts";

const LIMITS = { most: 4, within: as<never>(60_000), wait: as<never>(100) };
const at = (seconds: number) => as<never>(seconds * 1000);

describe("restarts", () => {
  it("mend a first loss at once and wait twice as long before each further one", () => {
    const restarts = new Restarts(LIMITS);

    expect([0, 1, 2, 3].map((second) => restarts.lost(at(second)))).toEqual([0, 100, 200, 400]);
  });

  it("give up when there were too many in a short time", () => {
    const restarts = new Restarts(LIMITS);
    for (const second of [0, 1, 2, 3]) restarts.lost(at(second));

    expect(restarts.lost(at(4))).toBeUndefined();
    expect(restarts.mayTry(at(5))).toBe(false);
  });

  it("may be tried again when the losses are long ago", () => {
    const restarts = new Restarts(LIMITS);
    for (const second of [0, 1, 2, 3, 4]) restarts.lost(at(second));

    expect(restarts.mayTry(at(61))).toBe(true);
    expect(restarts.lost(at(100))).toBe(0);
  });

  it("never give up losses that are far apart", () => {
    const restarts = new Restarts(LIMITS);

    for (let i = 0; i < 100; i++) expect(restarts.lost(at(i * 61))).toBe(0);
  });
});
