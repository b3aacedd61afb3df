/** What the WebRTC bench is held against: each figure, its goal, and aiortc's where that is compared. */

/** One row. Of `most`, `least` and neither: the figure is at most or at least that, or has no goal. */
export interface Bar {
  readonly key: string;
  readonly what: string;
  readonly unit?: "ms" | "s" | "%" | "MB" | "ms/min";
  readonly most?: number;
  readonly least?: number;
  /** The same of aiortc. */
  readonly aiortc?: string;
}

/** Rows that stand together. */
export interface BarGroup {
  readonly title: string;
  readonly bars: readonly Bar[];
}

const START: readonly Bar[] = [
  {
    key: "post_to_201_ms",
    what: "offer to answer, median",
    unit: "ms",
    most: 100,
    aiortc: "aiortc_post_to_201_ms",
  },
  { key: "post_to_201_cold_ms", what: "the first of a server", unit: "ms", most: 500 },
  {
    key: "first_frame_p50_ms",
    what: "offer to first picture, median",
    unit: "ms",
    most: 350,
    aiortc: "aiortc_first_frame_p50_ms",
  },
  {
    key: "first_frame_p95_ms",
    what: "95th percentile",
    unit: "ms",
    most: 800,
    aiortc: "aiortc_first_frame_p95_ms",
  },
  {
    key: "data_channel_rtt_p95_ms",
    what: "ping over the data channel, 95th percentile",
    unit: "ms",
    most: 15,
  },
  { key: "packets_outside", what: "datagrams to other machines", most: 0 },
  {
    key: "refusal_ms",
    what: "hostile offer to refusal, the slowest of seven kinds, median",
    unit: "ms",
    most: 5,
  },
  { key: "refused_wrongly", what: "hostile offers not refused", most: 0 },
];

const DELAY: readonly Bar[] = [
  {
    key: "e2e_p50_ms",
    what: "age of a shown picture, `delay=low`, VP8, median",
    unit: "ms",
    most: 25,
  },
  { key: "e2e_h264_p50_ms", what: "in H.264", unit: "ms", most: 25 },
  {
    key: "e2e_default_p50_ms",
    what: "`delay=default`, median",
    unit: "ms",
    most: 40,
    aiortc: "aiortc_e2e_p50_ms",
  },
  {
    key: "e2e_default_p95_ms",
    what: "95th percentile",
    unit: "ms",
    most: 80,
    aiortc: "aiortc_e2e_p95_ms",
  },
  {
    key: "drift_ms_per_min",
    what: "its drift",
    unit: "ms/min",
    most: 10,
    aiortc: "aiortc_drift_ms_per_min",
  },
  { key: "fps", what: "pictures shown a second", least: 29.9, aiortc: "aiortc_fps" },
  { key: "freezes", what: "gaps above 250 ms", most: 0 },
  {
    key: "skew_abs_p95_ms",
    what: "sound against sight, 95th percentile",
    unit: "ms",
    most: 20,
    aiortc: "aiortc_skew_abs_p95_ms",
  },
  { key: "sr_ntp_error_ms", what: "sender reports against the clock", unit: "ms", most: 5 },
  { key: "e2e_ws_p50_ms", what: "over the WebSocket, median", unit: "ms", most: 25 },
];

const WEATHER: readonly Bar[] = [
  {
    key: "loss5_freezes",
    what: "5 % loss: gaps above 250 ms in 20 s",
    most: 0,
    aiortc: "aiortc_loss5_freezes",
  },
  {
    key: "loss5_longest_ms",
    what: "the longest gap",
    unit: "ms",
    aiortc: "aiortc_loss5_longest_ms",
  },
  { key: "outage_1s_recovery_ms", what: "1 s outage: its end to a picture", unit: "ms", most: 200 },
  {
    key: "bottleneck_max_freeze_s",
    what: "900 kbit/s: the longest gap",
    unit: "s",
    most: 1,
    aiortc: "aiortc_bottleneck_max_freeze_s",
  },
  {
    key: "bottleneck_e2e_p95_ms",
    what: "age of pictures from 8 s on",
    unit: "ms",
    most: 150,
    aiortc: "aiortc_bottleneck_e2e_p95_ms",
  },
  {
    key: "bottleneck_low_e2e_p95_ms",
    what: "the same with `delay=low`",
    unit: "ms",
    most: 150,
  },
  {
    key: "bottleneck_recovered_pct",
    what: "rate half a minute after its end",
    unit: "%",
    least: 80,
    aiortc: "aiortc_bottleneck_recovered_pct",
  },
];

const MANY: readonly Bar[] = [
  {
    key: "viewer_cost_pct",
    what: "one more viewer, of a core",
    unit: "%",
    most: 1,
    aiortc: "aiortc_viewer_cost_pct",
  },
  { key: "encoders_8_viewers", what: "encodings for eight viewers", most: 1 },
  {
    key: "event_loop_p99_ms",
    what: "event loop with eight, 99th percentile",
    unit: "ms",
    most: 20,
  },
  {
    key: "paused_ws_growth_mb",
    what: "memory that a WebSocket viewer takes who reads nothing",
    unit: "MB",
    most: 2,
  },
  {
    key: "paused_ws_resume_ms",
    what: "until it is back at the newest picture",
    unit: "ms",
    most: 1000,
  },
  { key: "paused_ws_others_p95_change_ms", what: "what others feel of it", unit: "ms", most: 10 },
  { key: "cycles_left_over", what: "left over after 100 sessions", most: 0 },
  { key: "cycles_rss_growth_mb", what: "memory they took", unit: "MB", most: 30 },
  {
    key: "silent_client_gone_s",
    what: "a viewer vanishes until it is forgotten",
    unit: "s",
    most: 30,
  },
];

const CODING: readonly Bar[] = [
  {
    key: "encode_h264_p95_ms",
    what: "encoding a picture in H.264, 95th percentile",
    unit: "ms",
    most: 8,
  },
  { key: "encode_vp8_p95_ms", what: "in VP8", unit: "ms", most: 15 },
  {
    key: "encode_h264_rate_error_pct",
    what: "H.264's rate against what was asked",
    unit: "%",
    most: 10,
  },
  { key: "encode_wrong_keys", what: "key packets unasked or misplaced", most: 0 },
  { key: "recording_frames_missing", what: "pictures a recording lacks", most: 0 },
  { key: "recording_complaints", what: "complaints of ffprobe", most: 0 },
  {
    key: "recording_av_difference_ms",
    what: "length of its sound against its pictures",
    unit: "ms",
    most: 50,
  },
];

/** All rows. */
export const BARS: readonly BarGroup[] = [
  { title: "Beginning", bars: START },
  { title: "Delay and sync", bars: DELAY },
  { title: "Bad networks", bars: WEATHER },
  { title: "Many viewers, and what they leave", bars: MANY },
  { title: "Encoding and recording", bars: CODING },
];
