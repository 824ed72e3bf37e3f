import { preferences } from '../state/preferences.svelte'
import { t } from './text.svelte'

const locale = () => (preferences.language === 'zh' ? 'zh-CN' : 'en-GB')

function scaled(value: number, base: number, units: string[]): string {
  let unit = 0
  let rest = Math.abs(value)
  while (rest >= base && unit < units.length - 1) {
    rest /= base
    unit += 1
  }
  const digits = unit === 0 && Number.isInteger(rest) ? 0 : rest >= 100 ? 0 : rest >= 10 ? 1 : 2
  return `${value < 0 ? '−' : ''}${new Intl.NumberFormat(locale(), { maximumFractionDigits: digits }).format(rest)} ${units[unit]}`.trim()
}

/** 1 KB is 1,000 bytes, as traffic is billed. */
export const bytes = (value: number) => scaled(value, 1000, ['B', 'KB', 'MB', 'GB', 'TB', 'PB'])
export const bits = (perSecond: number) => scaled(perSecond, 1000, ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s', 'Tbit/s'])
export const count = (value: number) => new Intl.NumberFormat(locale(), { maximumFractionDigits: value < 10 ? 1 : 0 }).format(value)
/** Of which currency, the caller adds. */
export const money = (value: number) => new Intl.NumberFormat(locale(), { maximumFractionDigits: 2 }).format(value)
export const short = (value: number) => scaled(value, 1000, ['', 'k', 'M', 'G'])
export const percent = (ratio: number) => new Intl.NumberFormat(locale(), { style: 'percent', maximumFractionDigits: 1 }).format(ratio)

export function milliseconds(value: number): string {
  return value < 1000 ? `${value < 10 ? value.toFixed(1) : Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`
}

export function time(value: string | Date | undefined): string {
  if (!value) return '–'
  return new Intl.DateTimeFormat(locale(), { dateStyle: 'medium', timeStyle: 'medium' }).format(new Date(value))
}

/** An hour by its begin. */
export function hour(value: string): string {
  return new Intl.DateTimeFormat(locale(), { dateStyle: 'medium', timeStyle: 'short' }).format(new Date(value))
}

export function date(value: string | Date | undefined): string {
  if (!value) return '–'
  return new Intl.DateTimeFormat(locale(), { dateStyle: 'medium' }).format(new Date(value))
}

const kSteps: [Intl.RelativeTimeFormatUnit, number][] = [
  ['second', 60], ['minute', 60], ['hour', 24], ['day', 30], ['month', 12], ['year', Infinity],
]

/** "3 minutes ago", "in 12 days". */
export function ago(value: string | Date | undefined, now = Date.now()): string {
  if (!value) return t('never')
  let distance = (new Date(value).getTime() - now) / 1000
  for (const [unit, length] of kSteps) {
    if (Math.abs(distance) < length) {
      return new Intl.RelativeTimeFormat(locale(), { numeric: 'auto' }).format(Math.round(distance), unit)
    }
    distance /= length
  }
  return ''
}

/** A duration of the API (seconds, or "5m") in seconds. */
export function seconds(value: number | string | undefined): number | undefined {
  if (value === undefined || value === '') return undefined
  if (typeof value === 'number') return value
  const found = /^(\d+)(ms|s|m|h|d)?$/.exec(value.trim())
  if (!found) return undefined
  const factors: Record<string, number> = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400 }
  return Number(found[1]) * (factors[found[2] ?? 's'] ?? 1)
}

/** Seconds as people write them: 300 is "5m". */
export function duration(value: number | string | undefined): string {
  const total = seconds(value)
  if (total === undefined) return ''
  for (const [unit, length] of [['d', 86_400], ['h', 3600], ['m', 60]] as const) {
    if (total >= length && total % length === 0) return `${total / length}${unit}`
  }
  return `${total}s`
}
