import { api, type Schema } from '../api/client'
import type { Tone } from '../ui/State.svelte'

export type Order = Schema['CertificateOrder']
type OrderState = Order['state']

export const tones: Record<OrderState, Tone> = { pending: 'idle', validating: 'idle', issuing: 'idle', deploying: 'idle', valid: 'good', failed: 'bad' }
/** How far an order is, of a hundred. */
export const progress: Record<OrderState, number> = { pending: 10, validating: 35, issuing: 60, deploying: 85, valid: 100, failed: 100 }

/** An order that has failed and will be tried again needs a look, though nobody need act. */
export const toneOf = (order: Order): Tone => (order.error && !order.finished ? 'warn' : tones[order.state])

export interface OrderForm {
  names: string
  challenge: string
  key: string
  account: string
  tenant: string
}

export function toForm(names: string[] = []): OrderForm {
  return { names: names.join('\n'), challenge: '', key: 'ecdsa_p256', account: '', tenant: '' }
}

/** What an order asks for; what is left empty the API chooses. */
export function toBody(form: OrderForm): Schema['CertificateOrderInput'] {
  const names = form.names.split(/[\s,]+/).filter(Boolean)
  return {
    names,
    key: form.key as Order['key'],
    ...(form.challenge ? { challenge: form.challenge as Order['challenge'] } : {}),
    ...(form.account ? { account: Number(form.account) } : {}),
    ...(form.tenant ? { tenant: Number(form.tenant) } : {}),
  }
}

export const place = (body: Schema['CertificateOrderInput']) => api.post('/api/v1/certificates/orders', { body })

/** The same once more, after it failed: where it was to replace a certificate, that is renewed. */
export function placeAgain(order: Order): Promise<Order> {
  if (order.certificate) return api.post('/api/v1/certificates/{id}/renew', { path: { id: order.certificate } })
  return place({ names: order.names, name: order.name, challenge: order.challenge, key: order.key, tenant: order.tenant })
}

/** Whether a certificate for `pattern` serves `host` (RFC 6125: a wildcard stands for one label). */
export const covers = (pattern: string, host: string) => pattern === host || (pattern.startsWith('*.') && host.split('.').slice(1).join('.') === pattern.slice(2))
