import type { Schema } from '../api/client'

export type Usage = Schema['Usage']
export type Step = Usage['step']

/** Stretches of time one may look at, with the length of a point that suits each. */
export const ranges = {
  '1h': { seconds: 3600, step: '1m' },
  '6h': { seconds: 6 * 3600, step: '1m' },
  '24h': { seconds: 86_400, step: '5m' },
  '7d': { seconds: 7 * 86_400, step: '1h' },
  '30d': { seconds: 30 * 86_400, step: '1h' },
} as const satisfies Record<string, { seconds: number; step: Step }>
export type Range = keyof typeof ranges

export function toRange(text: string): Range {
  return text in ranges ? (text as Range) : '1h'
}

/** Milliseconds between two looks: short ones are watched live, and are never more than 5 s behind the requests. */
export function pollEvery(range: Range): number {
  return ranges[range].seconds <= 6 * 3600 ? 2500 : 15_000
}

const kStepSeconds: Record<Step, number> = { '1m': 60, '5m': 300, '1h': 3600, '1d': 86_400 }
const kLeastElapsed = 5

export interface Lines {
  times: number[]
  /** bit/s to viewers, and from origins or the level above. */
  out: number[]
  fromOrigin: number[]
  requests: number[]
  /** 0 to 1; null without requests. */
  hitRatio: (number | null)[]
  byteHitRatio: (number | null)[]
  status: { '2xx': number[]; '3xx': number[]; '4xx': number[]; '5xx': number[] }
}

/**
 * The points of an answer as rates, without holes: a step without a point had no requests. The step that is not over
 * yet is divided by the time it has run so far.
 */
export function toLines(usage: Usage, now: number): Lines {
  const length = kStepSeconds[usage.step]
  const byTime = new Map(usage.points.map((point) => [Date.parse(point.time) / 1000, point]))
  const lines: Lines = { times: [], out: [], fromOrigin: [], requests: [], hitRatio: [], byteHitRatio: [], status: { '2xx': [], '3xx': [], '4xx': [], '5xx': [] } }
  for (let time = Date.parse(usage.from) / 1000; time < Date.parse(usage.to) / 1000 && time <= now; time += length) {
    const elapsed = Math.min(length, now - time)
    if (elapsed < kLeastElapsed) break
    const point = byTime.get(time)
    lines.times.push(time)
    lines.out.push(((point?.bytes_out ?? 0) * 8) / elapsed)
    lines.fromOrigin.push(((point?.origin_bytes ?? 0) * 8) / elapsed)
    lines.requests.push((point?.requests ?? 0) / elapsed)
    lines.hitRatio.push(point && point.requests > 0 ? point.hits / point.requests : null)
    lines.byteHitRatio.push(point && point.bytes_out > 0 ? (point.hit_bytes ?? 0) / point.bytes_out : null)
    lines.status['2xx'].push((point?.status_2xx ?? 0) / elapsed)
    lines.status['3xx'].push((point?.status_3xx ?? 0) / elapsed)
    lines.status['4xx'].push((point?.status_4xx ?? 0) / elapsed)
    lines.status['5xx'].push((point?.status_5xx ?? 0) / elapsed)
  }
  return lines
}

/** The value that `share` of the values do not exceed: points sorted, the highest 5 % left out for 0.95. */
export function percentile(values: number[], share: number): number {
  if (values.length === 0) return 0
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0
}
