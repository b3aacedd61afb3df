/** How well does the engine use the machine? One block's arithmetic beside the machine's peak and PyTorch. */

import { Buffer } from "node:buffer";
import { spawn } from "node:child_process";
import { InferenceSession, Tensor } from "onnxruntime-node";
import type { BenchFigures, BenchFlags } from "./bench.ts";
import { openBench } from "./engine.ts";
import { fullPrecision, rollOutPsnr } from "./full-precision.ts";
import { gemmModel } from "./gemm-model.ts";
import { randomPlay } from "./play.ts";
import { median, rounded, summarise } from "./statistics.ts";

const STANDARD_BLOCKS = 300;
const WARM_UP_BLOCKS = 40;
const SEED = 3;
/** Side of the square matrices whose product is the peak. */
const GEMM_SIDE = 1024;
const GEMM_ROUNDS = 40;

/** What `training/run baseline` prints. */
interface Baseline {
  readonly eager_ms: number;
  readonly eager_range_ms: readonly number[];
  readonly compiled_ms: number;
  readonly compiled_range_ms: readonly number[];
  /** Operations of one block, multiply-adds counted twice, in billions. */
  readonly gflop: number;
  readonly torch: string;
}
/** The model that `training/run baseline` times in PyTorch. */
const BASELINE = "arcade";

/** Time `length` blocks without encoding, then the peak and PyTorch with as many threads. */
export async function run({ model, length = STANDARD_BLOCKS }: BenchFlags): Promise<BenchFigures> {
  const { blocks, parts, threads } = await timeBlocks(model, length);
  const block = summarise(blocks);
  const exact = await int8(model, length);
  return {
    threads,
    block_ms: rounded(block.p50, 3),
    block_range_ms: [rounded(block.min, 3), rounded(block.max, 3)],
    block_p95_ms: rounded(block.p95, 3),
    parts_ms: parts,
    ...exact,
    ...(model === BASELINE ? await besidePytorch(block.p50, exact, threads) : {}),
  };
}

/** A block beside the processor's peak and the same weights in PyTorch. */
async function besidePytorch(
  blockMs: number,
  { full_precision_block_ms: exactMs }: BenchFigures,
  threads: number,
): Promise<BenchFigures> {
  const peak = await gemmPeak(threads);
  const baseline = await pytorch(threads);
  const gflops = (ms: number): number => (baseline.gflop / ms) * 1000;
  const fastest = Math.min(baseline.eager_ms, baseline.compiled_ms);
  return {
    gflop_per_block: rounded(baseline.gflop, 4),
    gflops: rounded(gflops(blockMs), 1),
    gemm_peak_gflops: rounded(peak, 1),
    gflops_over_gemm_peak: rounded(gflops(Number(exactMs ?? blockMs)) / peak, 3),
    pytorch_eager_ms: rounded(baseline.eager_ms, 3),
    pytorch_eager_range_ms: baseline.eager_range_ms.map((ms) => rounded(ms, 3)),
    pytorch_compiled_ms: rounded(baseline.compiled_ms, 3),
    pytorch_compiled_range_ms: baseline.compiled_range_ms.map((ms) => rounded(ms, 3)),
    pytorch: baseline.torch,
    speedup_over_pytorch: rounded(fastest / blockMs, 3),
  };
}

/** What running in int8 saves and costs; nulls where nothing does. */
async function int8(model: string, length: number): Promise<BenchFigures> {
  await using exact = await fullPrecision(model);
  if (exact === undefined) return { full_precision_block_ms: null, int8_psnr_db: null };
  const { blocks, parts } = await timeBlocks(exact.path, length);
  const psnr = await rollOutPsnr(model, exact);
  return {
    full_precision_block_ms: rounded(summarise(blocks).p50, 3),
    full_precision_parts_ms: parts,
    int8_psnr_db: rounded(median(psnr)),
    int8_psnr_range_db: [rounded(Math.min(...psnr)), rounded(Math.max(...psnr))],
  };
}

interface BlockTimes {
  readonly blocks: readonly number[];
  readonly parts: Readonly<Record<string, number>>;
  readonly threads: number;
}

async function timeBlocks(model: string, length: number): Promise<BlockTimes> {
  await using bench = await openBench(model, SEED);
  const play = randomPlay(bench.model.manifest.controls, SEED);
  const parts = { encoder: [] as number[], denoise: [] as number[], decode: [] as number[] };
  const blocks: number[] = [];
  for (let block = 0; block < WARM_UP_BLOCKS + length; block++) {
    const { timings } = await bench.next(play.next().value, false);
    if (block < WARM_UP_BLOCKS) continue;
    parts.encoder.push(timings.encoder);
    parts.denoise.push(timings.denoise);
    parts.decode.push(timings.decode);
    blocks.push(timings.encoder + timings.denoise + timings.decode);
  }
  const medians = Object.entries(parts).map(([part, times]) => [
    part,
    rounded(summarise(times).p50, 3),
  ]);
  return {
    blocks,
    parts: Object.fromEntries(medians) as Record<string, number>,
    threads: bench.model.manifest.provider?.intraOpThreads ?? 2,
  };
}

/** The best of many square fp32 products in ONNX Runtime: GFLOP/s. */
async function gemmPeak(threads: number): Promise<number> {
  const session = await InferenceSession.create(Buffer.from(gemmModel(GEMM_SIDE)), {
    intraOpNumThreads: threads,
  });
  const values = Float32Array.from({ length: GEMM_SIDE ** 2 }, (_, i) => (i % 13) / 13);
  const feeds = {
    a: new Tensor("float32", values, [GEMM_SIDE, GEMM_SIDE]),
    b: new Tensor("float32", values, [GEMM_SIDE, GEMM_SIDE]),
  };
  const times: number[] = [];
  for (let round = 0; round < GEMM_ROUNDS; round++) {
    const start = performance.now();
    await session.run(feeds);
    times.push(performance.now() - start);
  }
  return (2 * GEMM_SIDE ** 3) / Math.min(...times) / 1e6;
}

async function pytorch(threads: number): Promise<Baseline> {
  const child = spawn("bash", ["training/run", "baseline", "--threads", String(threads)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  if (code !== 0) throw new Error(`the PyTorch baseline ended with ${code}`);
  return JSON.parse(text.trimEnd().split("\n").at(-1) ?? "") as Baseline;
}
