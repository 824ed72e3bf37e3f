import type { Schema } from '../api/client'
import { t } from '../i18n/text.svelte'

export type BillLine = Schema['StatementLine']
type Terms = Schema['StatementTerms']

/** "912.500000" without the zeros that say nothing. */
const short = (figure: string) => (figure.includes('.') ? figure.replace(/\.?0+$/, '') : figure)

const unitOf = (terms: Terms) => t(`bills.per.${terms.unit}`, { per: terms.per ?? 1 })

/** How much, in the viewer's language; as the server wrote it where a statement is older than its terms. */
export function quantityOf({ terms, quantity }: BillLine): string | undefined {
  return terms ? t(`bills.quantity.${terms.unit}`, { value: short(terms.quantity), per: terms.per ?? 1 }) : quantity
}

function tierOf(terms: Terms, tier: Terms['tiers'][number]): string {
  if (terms.pricing === 'flat') return tier.price
  if (tier.up_to === undefined) return t('bills.tier.last', { price: tier.price })
  return t('bills.tier', { price: tier.price, upTo: tier.up_to })
}

export function priceOf({ terms, price }: BillLine): string | undefined {
  if (!terms) return price
  const tiers = terms.tiers.map((tier) => tierOf(terms, tier)).join(t('bills.tier.and'))
  return t(`bills.price.${terms.pricing}`, { price: tiers, unit: unitOf(terms) })
}

/** How it came about. */
export function notesOf({ remarks, notes }: BillLine): string[] {
  if (!remarks) return notes ?? []
  return remarks.map(({ kind, figures }) => t(`bills.remark.${kind}`, { a: short(figures[0] ?? ''), b: short(figures[1] ?? '') }))
}
