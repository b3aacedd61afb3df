import { describe, expect, it } from "vitest";
import { idleLink, type LinkConditions, type LinkState, pass } from "../../../bench/relay/link.ts";

const BOTTLENECK: LinkConditions = { bottleneck: { rate: 80_000, queue: 3_000 } };

/** Send datagrams of 1000 bytes at these times; returns when each arrives. */
function arrivals(conditions: LinkConditions, times: readonly number[]): (number | undefined)[] {
  let state: LinkState = idleLink;
  return times.map((now) => {
    const passage = pass(state, conditions, { bytes: 1000, now, chance: 0.5 });
    state = passage.state;
    return passage.at;
  });
}

describe("a link", () => {
  it("lets everything pass at once when nothing is wrong", () => {
    expect(arrivals({}, [0, 1, 2])).toEqual([0, 1, 2]);
  });

  it("delays", () => {
    expect(arrivals({ delay: 40 }, [0, 10])).toEqual([40, 50]);
  });

  it("loses what chance says, and everything while it is out", () => {
    expect(arrivals({ loss: 0.6 }, [0])).toEqual([undefined]);
    expect(arrivals({ loss: 0.5 }, [0])).toEqual([0]);
    expect(arrivals({ isOut: true }, [0])).toEqual([undefined]);
  });

  it("sends at its rate, one datagram after the other, and drops what its queue has no room for", () => {
    expect(arrivals(BOTTLENECK, [0, 0, 0, 0, 150])).toEqual([100, 200, 300, undefined, 400]);
  });

  it("is idle again once all is sent", () => {
    expect(arrivals(BOTTLENECK, [0, 500])).toEqual([100, 600]);
  });

  it("keeps the order of what waited when a bottleneck is gone", () => {
    const { state } = pass(idleLink, BOTTLENECK, { bytes: 1000, now: 0, chance: 0 });
    expect(pass(state, {}, { bytes: 1000, now: 10, chance: 0 }).at).toBe(100);
  });
});
