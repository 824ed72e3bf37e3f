import type { Schema } from '../api/client'
import { duration } from '../i18n/format'

type Rule = Schema['CacheRule']
type KeyRule = Schema['KeyRule']

/** Caching of a domain as a form holds it. */
export interface CacheForm {
  rules: { match: Rule['match']; pattern: string; action: Rule['action']; ttl: string; priority: string }[]
  query: NonNullable<KeyRule['query']>
  params: string
  sortQuery: boolean
  stale: string
  profile: 'safe' | 'rfc'
  prefetchRate: string
}

export function toForm(domain?: Schema['Domain']): CacheForm {
  return {
    rules: (domain?.cache_rules ?? []).map((rule) => ({ match: rule.match, pattern: rule.pattern ?? '', action: rule.action, ttl: duration(rule.ttl), priority: String(rule.priority ?? 0) })),
    query: domain?.key_rule?.query ?? 'keep_all',
    params: (domain?.key_rule?.params ?? []).join(', '),
    sortQuery: domain?.key_rule?.sort_query ?? false,
    stale: duration(domain?.stale_on_error ?? 0) || '0s',
    profile: domain?.profile ?? 'safe',
    prefetchRate: String(domain?.prefetch_rate ?? 50),
  }
}

export function toBody(form: CacheForm) {
  return {
    cache_rules: form.rules.map((rule) => ({
      match: rule.match,
      action: rule.action,
      priority: Number(rule.priority) || 0,
      ...(rule.match === 'all' ? {} : { pattern: rule.pattern.trim() }),
      ...(rule.action === 'ttl' ? { ttl: rule.ttl } : {}),
    })),
    key_rule: { query: form.query, params: form.query.endsWith('listed') ? form.params.split(/[\s,]+/).filter(Boolean) : [], sort_query: form.sortQuery },
    stale_on_error: form.stale || 0,
    profile: form.profile,
    prefetch_rate: Number(form.prefetchRate),
  }
}

/** What suits most sites of a kind. */
export const templates: Record<'static' | 'pages' | 'download', CacheForm['rules']> = {
  static: [
    { match: 'suffix', pattern: 'jpg,jpeg,png,gif,webp,avif,svg,ico,css,js,woff2', action: 'ttl', ttl: '30d', priority: '10' },
    { match: 'all', pattern: '', action: 'honour_origin', ttl: '', priority: '0' },
  ],
  pages: [
    { match: 'suffix', pattern: 'php,jsp,asp,aspx', action: 'no_store', ttl: '', priority: '20' },
    { match: 'suffix', pattern: 'jpg,jpeg,png,gif,webp,avif,svg,ico,css,js,woff2', action: 'ttl', ttl: '7d', priority: '10' },
    { match: 'all', pattern: '', action: 'honour_origin', ttl: '', priority: '0' },
  ],
  download: [{ match: 'all', pattern: '', action: 'ttl', ttl: '30d', priority: '0' }],
}
