/** Session descriptions (RFC 8866) as far as an offer of WebRTC needs them. */

import { StreamError } from "../../core/errors.ts";
import { attribute, sdpLines } from "./sdp-lines.ts";

/** An attribute line: `a=name:value`. */
export interface Attribute {
  readonly name: string;
  readonly value: string;
}

/** One `m=` section. */
export interface MediaSection {
  readonly kind: string;
  readonly port: number;
  readonly protocol: string;
  readonly formats: readonly string[];
  /** Its own attributes. */
  readonly attributes: readonly Attribute[];
}

/** A description: what stands in front of the sections, and the sections. */
export interface Sdp {
  readonly attributes: readonly Attribute[];
  readonly sections: readonly MediaSection[];
}

const broken = (why: string): StreamError =>
  new StreamError("bad_request", `the session description cannot be used: ${why}`);

/** Read a description. @throws {StreamError} those of `sdpLines`; `bad_request` when it is none. */
export function readSdp(text: string): Sdp {
  const head: Attribute[] = [];
  const sections: (MediaSection & { readonly attributes: Attribute[] })[] = [];
  for (const { type, value } of sdpLines(text)) {
    if (type === "m") sections.push(readSection(value));
    if (type === "a") (sections.at(-1)?.attributes ?? head).push(readAttribute(value));
  }
  if (sections.length === 0) throw broken("it has no media");
  return { attributes: head, sections };
}

/** Read what stands behind `a=`. */
export function readAttribute(line: string): Attribute {
  const [name, value] = attribute(line);
  return { name, value };
}

function readSection(line: string): MediaSection & { readonly attributes: Attribute[] } {
  const [kind = "", port = "", protocol = "", ...formats] = line.split(" ");
  if (!/^\d+$/.test(port) || formats.length === 0) throw broken("an m= line is malformed");
  return { kind, port: Number(port), protocol, formats, attributes: [] };
}

/** Values of all attributes called `name`. */
export const allOf = (attributes: readonly Attribute[], name: string): string[] =>
  attributes.filter((attribute) => attribute.name === name).map(({ value }) => value);

/** Value of the first attribute called `name`. */
export const firstOf = (attributes: readonly Attribute[], name: string): string | undefined =>
  attributes.find((attribute) => attribute.name === name)?.value;

/** A payload type's codec, from `a=rtpmap` and `a=fmtp`. */
export interface RtpFormat {
  readonly payloadType: number;
  /** Lower case. */
  readonly name: string;
  readonly rate: number;
  /** As written, to be echoed. */
  readonly map: string;
  readonly parameters: string | undefined;
}

/** The codecs of a section, in its order of preference. */
export function formatsOf(section: MediaSection): RtpFormat[] {
  const maps = keyed(allOf(section.attributes, "rtpmap"));
  const parameters = keyed(allOf(section.attributes, "fmtp"));
  return section.formats.flatMap((format) => {
    const map = maps.get(format);
    const payloadType = Number(format);
    if (map === undefined || !Number.isInteger(payloadType) || payloadType > 127) return [];
    const [name = "", rate = ""] = map.split("/");
    return [
      {
        payloadType,
        name: name.toLowerCase(),
        rate: Number(rate),
        map,
        parameters: parameters.get(format),
      },
    ];
  });
}

function keyed(values: readonly string[]): Map<string, string> {
  return new Map(
    values.map((value) => {
      const space = value.indexOf(" ");
      return [value.slice(0, space), value.slice(space + 1)];
    }),
  );
}

/** One parameter of `a=fmtp`, such as `apt`. */
export function parameterOf(format: RtpFormat, name: string): string | undefined {
  for (const part of (format.parameters ?? "").split(";")) {
    const [key = "", value = ""] = part.trim().split("=");
    if (key.toLowerCase() === name) return value;
  }
  return undefined;
}
