import { ApiError, type Schema } from '../api/client'
import * as format from '../i18n/format'
import { t } from '../i18n/text.svelte'
import { session } from '../state/session.svelte'
import type { Tone } from '../ui/State.svelte'

export type Cap = Schema['Cap']
export type Kind = Cap['kind']
export type CapState = 'free' | 'reached' | 'suspended'

export const tones: Record<CapState, Tone> = { free: 'good', reached: 'warn', suspended: 'bad' }
/** What a limit may be typed in, the smallest first. */
export const units: Record<Kind, { name: string; size: number }[]> = {
  bandwidth: [{ name: 'Mbit/s', size: 1e6 }, { name: 'Gbit/s', size: 1e9 }],
  traffic: [{ name: 'GB', size: 1e9 }, { name: 'TB', size: 1e12 }],
  spend: [{ name: '', size: 1 }],
}
export const kinds = Object.keys(units) as Kind[]

export function stateOf(cap: Cap): CapState {
  if (cap.suspended_until) return 'suspended'
  return cap.used !== undefined && cap.used >= cap.limit ? 'reached' : 'free'
}

/** The operator's caps are the operator's to change. */
export const mayChange = (cap: Cap) => session.may('cap:write') && (session.isOperator || cap.set_by === 'tenant')

export const whatOf = (cap: Cap) => (cap.domain ? (cap.domain_name ?? String(cap.domain)) : t('caps.allDomains'))

/** "Traffic cap (www.example.com)", with the tenant's name where that is known. */
export function nameOf(cap: Cap, tenants?: Map<number, string>): string {
  const what = [whatOf(cap), tenants?.get(cap.tenant)].filter(Boolean).join(', ')
  return t(`caps.of.${cap.kind}`, { what })
}

export function amount(kind: Kind, value: number, currency = ''): string {
  if (kind === 'bandwidth') return format.bits(value)
  return kind === 'traffic' ? format.bytes(value) : `${format.money(value)} ${currency}`.trim()
}

/** What each tenant pays in, by its contract of today. */
export function currencies(contracts: Schema['Contract'][], today = new Date().toISOString().slice(0, 10)): Map<number, string> {
  const held = contracts.filter((one) => one.from <= today).sort((a, b) => a.from.localeCompare(b.from))
  return new Map(held.map((one) => [one.tenant, one.terms.currency ?? 'CNY']))
}

/** A cap as a form holds it. */
export interface CapForm {
  tenant: string
  /** Empty: all of the tenant's together. */
  domain: string
  kind: Kind
  amount: string
  unit: string
}

export function toForm(cap?: Cap, tenant = ''): CapForm {
  if (!cap) return { tenant, domain: '', kind: 'traffic', amount: '', unit: 'GB' }
  const fits = units[cap.kind].filter((unit, i) => i === 0 || cap.limit >= unit.size)
  const unit = fits[fits.length - 1] ?? { name: '', size: 1 }
  return { tenant: String(cap.tenant), domain: String(cap.domain ?? ''), kind: cap.kind, amount: String(cap.limit / unit.size), unit: unit.name }
}

/** The limit as the API has it. Fails with ApiError when it is no such number. */
export function toLimit(form: CapForm): number {
  const typed = Number(form.amount)
  const limit = Math.round(typed * (units[form.kind].find((unit) => unit.name === form.unit)?.size ?? 1))
  const isWhole = form.kind !== 'spend' || limit === typed
  if (isWhole && limit >= 1 && Number.isSafeInteger(limit)) return limit
  throw new ApiError(422, { errors: [{ pointer: '/limit', detail: t(form.kind === 'spend' ? 'caps.badSum' : 'caps.badLimit') }] })
}

export function toBody(form: CapForm): Schema['CapInput'] {
  return {
    kind: form.kind,
    limit: toLimit(form),
    ...(form.tenant ? { tenant: Number(form.tenant) } : {}),
    ...(form.domain ? { domain: Number(form.domain) } : {}),
  }
}
