/** Fragments of a description, `application/trickle-ice-sdpfrag` (RFC 8840, section 9). */

import { StreamError } from "../../core/errors.ts";
import type { TargetRules } from "./address-class.ts";
import { isUsable } from "./candidate.ts";
import {
  attribute,
  checkMid,
  checkPwd,
  checkUfrag,
  type IceCredentials,
  sdpLines,
} from "./sdp-lines.ts";

/** A candidate, and the media section it is for. */
interface TrickledCandidate {
  /** As the attribute has it: `candidate:…`. */
  readonly candidate: string;
  /** Absent when it stood before any section. */
  readonly mid?: string;
}

/** What a fragment says. */
export interface IceFragment extends IceCredentials {
  readonly mids: readonly string[];
  /** Only those the rules let through. */
  readonly candidates: readonly TrickledCandidate[];
  /** The client has no more candidates. */
  readonly isLast: boolean;
  /** The fragment again, with nothing in it but what is said here. */
  readonly text: string;
}

/**
 * Read a fragment that a client sent.
 *
 * @throws {StreamError} `bad_request`, `message_too_large`.
 */
export function parseFragment(text: string, rules: TargetRules): IceFragment {
  const reader = new FragmentReader(rules);
  for (const { type, value } of sdpLines(text)) {
    if (type === "m") reader.section(value);
    else if (type === "a") reader.attribute(...attribute(value), value);
  }
  return reader.fragment();
}

class FragmentReader {
  readonly #rules: TargetRules;
  readonly #mids: string[] = [];
  readonly #candidates: TrickledCandidate[] = [];
  readonly #body: string[] = [];
  #ufrag: string | undefined;
  #pwd: string | undefined;
  #isLast = false;

  constructor(rules: TargetRules) {
    this.#rules = rules;
  }

  section(value: string): void {
    if (!/^(?:audio|video|application) \d{1,5} [A-Z/]{1,24} \S/.test(value)) {
      throw new StreamError("bad_request", "a media section of the fragment cannot be read");
    }
    this.#body.push(`m=${value}`);
  }

  attribute(name: string, value: string, whole: string): void {
    switch (name) {
      case "ice-ufrag":
        this.#ufrag = same(this.#ufrag, checkUfrag(value));
        return;
      case "ice-pwd":
        this.#pwd = same(this.#pwd, checkPwd(value));
        return;
      case "mid":
        this.#mids.push(checkMid(value));
        break;
      case "candidate":
        if (!this.#candidate(whole)) return;
        break;
      case "end-of-candidates":
        this.#isLast = true;
        break;
      default:
        return;
    }
    this.#body.push(`a=${whole}`);
  }

  #candidate(candidate: string): boolean {
    if (!isUsable(candidate, this.#rules)) return false;
    const mid = this.#mids.at(-1);
    this.#candidates.push({ candidate, ...(mid !== undefined && { mid }) });
    return true;
  }

  fragment(): IceFragment {
    const [ufrag, pwd] = [this.#ufrag, this.#pwd];
    if (ufrag === undefined || pwd === undefined) {
      throw new StreamError("bad_request", "a fragment needs ice-ufrag and ice-pwd");
    }
    const lines = [`a=ice-ufrag:${ufrag}`, `a=ice-pwd:${pwd}`, ...this.#body];
    return {
      ufrag,
      pwd,
      mids: this.#mids,
      candidates: this.#candidates,
      isLast: this.#isLast,
      text: `${lines.join("\r\n")}\r\n`,
    };
  }
}

/** All sections are bundled, so one ICE session has one name. */
function same(before: string | undefined, now: string): string {
  if (before === undefined || before === now) return now;
  throw new StreamError("bad_request", "a fragment is of one ICE session");
}
