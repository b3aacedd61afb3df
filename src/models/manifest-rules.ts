/** What must hold between the parts of a manifest, beyond its schema. */

import { type GraphRole, type Manifest, MOST } from "./manifest-schema.ts";

/** A rule that does not hold: where, and what to do. */
export interface BrokenRule {
  readonly path: string;
  readonly message: string;
}

type Rule = (manifest: Manifest) => BrokenRule | undefined;

/** Sound leaves in packets of 20 ms, and a block in whole packets. */
const PACKETS_A_SECOND = 50;

/** The first rule `manifest` breaks. */
export function brokenRule(manifest: Manifest): BrokenRule | undefined {
  for (const rule of RULES) {
    const broken = rule(manifest);
    if (broken !== undefined) return broken;
  }
  return undefined;
}

const broken = (path: string, message: string): BrokenRule => ({ path, message });

/** Every path the manifest names, and the key that names it. */
function namedFiles(manifest: Manifest): readonly (readonly [key: string, name: string])[] {
  const { card, cover, graphs, fullPrecision = {}, starts } = manifest;
  return [
    ["card", card],
    ...(cover === undefined ? [] : [["cover", cover] as const]),
    ...Object.entries(graphs).map(([role, name]) => [`graphs.${role}`, name] as const),
    ...Object.entries(fullPrecision).map(
      ([role, name]) => [`fullPrecision.${role}`, name] as const,
    ),
    ...starts.map(({ image }, i) => [`starts[${i}].image`, image] as const),
  ];
}

const filesAreListed: Rule = (manifest) => {
  const names = Object.keys(manifest.files);
  if (names.length > MOST.files) return broken("files", `lists more than ${MOST.files} files`);
  const missing = namedFiles(manifest).find(([, name]) => !Object.hasOwn(manifest.files, name));
  return missing && broken(missing[0], `names \`${missing[1]}\`, which \`files\` does not list`);
};

const filesAreBounded: Rule = ({ files, graphs, fullPrecision = {}, starts }) => {
  const tooLarge = (name: string, most: number): boolean => (files[name]?.bytes ?? 0) > most;
  const named = [...Object.values(graphs), ...Object.values(fullPrecision)];
  const graph = named.find((name) => tooLarge(name, MOST.graphBytes));
  if (graph !== undefined)
    return broken(`files.${graph}.bytes`, `is more than a graph may have, ${MOST.graphBytes}`);
  const start = starts.find(({ image }) => tooLarge(image, MOST.pictureBytes));
  return (
    start &&
    broken(`files.${start.image}.bytes`, `is more than a picture may have, ${MOST.pictureBytes}`)
  );
};

const topologyFits: Rule = ({ topology, graphs, conditioning, commit, lanes }) => {
  if (topology === "separable") {
    if (graphs.encoder === undefined) return broken("graphs.encoder", "is required when separable");
    if (conditioning.features === null)
      return broken("conditioning.features", "is required when separable");
    if (commit.strategy !== "encoder")
      return broken("commit.strategy", "must be `encoder` when separable");
    return lanes.video.framesPerBlock === 1
      ? undefined
      : broken("lanes.video.framesPerBlock", "must be 1 when separable");
  }
  if (graphs.encoder !== undefined)
    return broken("graphs.encoder", "has no place in an entangled package");
  if (conditioning.features !== null)
    return broken("conditioning.features", "must be null when entangled");
  return commit.strategy === "encoder"
    ? broken("commit.strategy", "must be `separate`, `fused` or `per-step` when entangled")
    : undefined;
};

const stepsHaveTheirCaches: Rule = ({ commit, schedule, conditioning }) => {
  if (commit.strategy !== "per-step") return undefined;
  if (Object.keys(schedule.sigmas).length > 1)
    return broken("schedule.sigmas", "must be one schedule with the commit strategy `per-step`");
  return conditioning.previousFrames > 0
    ? broken("conditioning.previousFrames", "must be 0 with the commit strategy `per-step`")
    : undefined;
};

const fullPrecisionHasARunner: Rule = ({ graphs, fullPrecision = {} }) => {
  for (const [role, name] of Object.entries(fullPrecision)) {
    const runs = graphs[role as GraphRole];
    if (runs === undefined)
      return broken(`fullPrecision.${role}`, "goes with a graph of that role");
    if (runs === name) return broken(`fullPrecision.${role}`, `is what \`graphs.${role}\` names`);
  }
  return undefined;
};

const fusedHasItsGraph: Rule = ({ commit, graphs, conditioning }) => {
  const fused = commit.strategy === "fused";
  if (fused !== (graphs.denoiserFused !== undefined))
    return broken(
      "graphs.denoiserFused",
      "goes with the commit strategy `fused`, and only with it",
    );
  return fused && conditioning.previousFrames > 0
    ? broken("conditioning.previousFrames", "must be 0 with the commit strategy `fused`")
    : undefined;
};

const sigmasFall: Rule = ({ schedule: { sigmas, defaultSteps } }) => {
  for (const [steps, levels] of Object.entries(sigmas)) {
    const path = `schedule.sigmas.${steps}`;
    if (levels.length !== Number(steps)) return broken(path, `must hold ${steps} noise levels`);
    const falling = levels.every((sigma, i) => i === 0 || sigma < (levels[i - 1] ?? 0));
    if (!falling) return broken(path, "must fall from step to step");
  }
  return Object.hasOwn(sigmas, defaultSteps)
    ? undefined
    : broken("schedule.defaultSteps", "is not a step count of `schedule.sigmas`");
};

const cacheFits: Rule = ({ cache, lanes }) => {
  if (cache.position.rotaryDim > cache.headDim)
    return broken("cache.position.rotaryDim", "is more than `cache.headDim`");
  if (cache.windowFrames < lanes.video.framesPerBlock)
    return broken("cache.windowFrames", "is less than one block's frames");
  if (cache.queries === true && cache.mostSlots === undefined)
    return broken("cache.queries", "goes with `cache.mostSlots`: a pass reads fewer slots by them");
  const raw = (cache.sinkFrames + cache.windowFrames) * cache.tokensPerFrame;
  return cache.mostSlots !== undefined && cache.mostSlots < raw
    ? broken("cache.mostSlots", `is less than the ${raw} slots of the sinks and the window`)
    : undefined;
};

const stateStandsAlone: Rule = ({ cache, commit, lanes }) => {
  if (cache.kind !== "state") return undefined;
  if (commit.strategy === "fused")
    return broken("commit.strategy", "must not be `fused` where `cache.kind` is `state`");
  if (cache.sinkFrames > 0)
    return broken("cache.sinkFrames", "must be 0 where `cache.kind` is `state`");
  if (cache.windowFrames !== lanes.video.framesPerBlock)
    return broken("cache.windowFrames", "must be one block's frames where `cache.kind` is `state`");
  const ofSlots = (["mostSlots", "queries", "groupFrames", "policy"] as const).find(
    (key) => cache[key] !== undefined,
  );
  return ofSlots && broken(`cache.${ofSlots}`, "goes with slots, not with a cache of kind `state`");
};

const compressorsHaveGroups: Rule = ({ graphs, cache }) => {
  const has = graphs.compressor !== undefined || graphs.compressorRaster !== undefined;
  if (has !== (cache.groupFrames !== undefined))
    return broken("cache.groupFrames", "goes with `graphs.compressor`, and only with it");
  return graphs.compressorRaster !== undefined &&
    cache.tokensPerFrame % (cache.groupFrames ?? 1) !== 0
    ? broken("graphs.compressorRaster", "needs `cache.tokensPerFrame` that groups divide")
    : undefined;
};

const speechFitsTheFrames: Rule = ({ graphs, lanes: { speech, video } }) => {
  if ((speech !== undefined) !== (graphs.speechEncoder !== undefined))
    return broken("graphs.speechEncoder", "goes with `lanes.speech`, and only with it");
  if (speech === undefined) return undefined;
  const { samplesPerFrame, sampleRate } = speech;
  if (samplesPerFrame * video.frameRate !== sampleRate)
    return broken(
      "lanes.speech.samplesPerFrame",
      `times \`lanes.video.frameRate\` must be ${sampleRate}`,
    );
  const packet = sampleRate / PACKETS_A_SECOND;
  return (samplesPerFrame * video.framesPerBlock) % packet === 0
    ? undefined
    : broken("lanes.video.framesPerBlock", "must last a whole number of 20 ms with a speech lane");
};

const controlsMakeSense: Rule = ({ controls }) => {
  const names = controls.map(({ name }) => name);
  const twice = names.findIndex((name, i) => names.indexOf(name) !== i);
  if (twice >= 0) return broken(`controls[${twice}].name`, "is taken by an earlier control");
  for (const [i, control] of controls.entries()) {
    if (control.kind === "axis") {
      const [low, high] = control.range;
      if (low >= high) return broken(`controls[${i}].range`, "must be [low, high] with low < high");
      if (control.default < low || control.default > high)
        return broken(`controls[${i}].default`, "lies outside `range`");
    }
    if (control.kind === "choice" && !control.options.includes(control.default))
      return broken(`controls[${i}].default`, "is not one of `options`");
  }
  return undefined;
};

const startsDiffer: Rule = ({ starts }) => {
  const ids = starts.map(({ id }) => id);
  const twice = ids.findIndex((id, i) => ids.indexOf(id) !== i);
  return twice < 0 ? undefined : broken(`starts[${twice}].id`, "is taken by an earlier start");
};

const RULES: readonly Rule[] = [
  filesAreListed,
  filesAreBounded,
  topologyFits,
  fullPrecisionHasARunner,
  fusedHasItsGraph,
  stepsHaveTheirCaches,
  sigmasFall,
  cacheFits,
  stateStandsAlone,
  compressorsHaveGroups,
  speechFitsTheFrames,
  controlsMakeSense,
  startsDiffer,
];
