import { beforeEach, describe, expect, it } from "vitest";
import { type PlaybackFinished, Segments } from "../../../clients/agents/segments.ts";

const UNHEARD = { playbackPosition: 0, interrupted: true };
const WHOLE = { playbackPosition: 2, interrupted: false };

let ends: PlaybackFinished[];
let segments: Segments;
beforeEach(() => {
  ends = [];
  segments = new Segments((end) => ends.push(end));
});

/** A segment of two seconds that went to the server in two messages. */
function brought(): string {
  const id = segments.begin();
  segments.captured(id, 2);
  segments.sent(id);
  segments.sent(id);
  return id;
}

describe("an agent's segments", () => {
  it("end once, by what the server says", () => {
    const id = brought();
    segments.close(id);
    expect(ends).toEqual([]);
    segments.ended(id, WHOLE);
    segments.ended(id, UNHEARD);
    segments.ended("somebody-else", UNHEARD);
    expect(ends).toEqual([WHOLE]);
  });

  it("of which the server took nothing end when that is sure", () => {
    const id = brought();
    segments.refused(id);
    segments.refused(id);
    expect(ends).toEqual([]);
    segments.close(id);
    expect(ends).toEqual([UNHEARD]);

    const late = brought();
    segments.close(late);
    segments.refused(late);
    expect(ends).toHaveLength(1);
    segments.refused(late);
    expect(ends).toEqual([UNHEARD, UNHEARD]);
  });

  it("of which it took a part end when that was heard", () => {
    const id = brought();
    segments.close(id);
    segments.refused(id);
    expect(ends).toEqual([]);
    segments.ended(id, { playbackPosition: 1, interrupted: false });
    expect(ends).toHaveLength(1);
  });

  it("of which nothing was sent end when they are cleared", () => {
    segments.close(segments.begin());
    expect(ends).toEqual([UNHEARD]);
  });

  it("end where they were when the connection does", () => {
    const id = brought();
    brought();
    expect(segments.started(id, 10_000)).toBe(true);
    segments.abandon(10_500);
    expect(ends).toEqual([{ playbackPosition: 0.5, interrupted: true }, UNHEARD]);
  });

  it("are ahead of what is heard by what was captured, less what went by since it began", () => {
    const id = brought();
    brought();
    expect(segments.ahead(9_000)).toBe(4);
    segments.started(id, 10_000);
    expect(segments.ahead(11_500)).toBe(2.5);
    // It cannot be heard for longer than it is.
    expect(segments.ahead(60_000)).toBe(2);
    segments.ended(id, WHOLE);
    expect(segments.ahead(60_000)).toBe(2);
    expect(segments.started("somebody-else", 0)).toBe(false);
  });

  it("are waited for as they are when somebody begins to wait", async () => {
    expect(await segments.over()).toEqual({ playbackPosition: 0, interrupted: false });
    const [first, second] = [brought(), brought()];
    let isOver = false;
    const over = segments.over().then((end) => {
      isOver = true;
      return end;
    });
    const third = brought();
    segments.ended(first, WHOLE);
    await Promise.resolve();
    expect(isOver).toBe(false);
    segments.ended(second, UNHEARD);
    expect(await over).toEqual(UNHEARD);
    segments.ended(third, WHOLE);
    expect(await segments.over()).toEqual(WHOLE);
  });
});
