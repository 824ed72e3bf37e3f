import type { Schema } from '$shared/api/client'
import * as format from '$shared/i18n/format'
import { t } from '$shared/i18n/text.svelte'
import type { Tone } from '$shared/ui/State.svelte'

export type NodeState = Schema['NodeState']
export interface Verdict {
  tone: Tone
  text: string
  reason?: string
}

const kLateHeartbeat = 15_000

/** Whether control and the node's agent talk. */
export function agentLink(node: NodeState, now = Date.now()): Verdict {
  const heard = node.last_heartbeat ? t('nodes.heard', { ago: format.ago(node.last_heartbeat, now) }) : t('nodes.neverHeard')
  if (!node.connected) return { tone: 'bad', text: t('link.lost'), reason: heard }
  const silence = node.last_heartbeat ? now - Date.parse(node.last_heartbeat) : 0
  if (silence > kLateHeartbeat) return { tone: 'warn', text: t('link.silent'), reason: heard }
  return { tone: 'good', text: t('link.up'), reason: heard }
}

/** Whether viewers are served, as the schedulers' probes see it from outside. */
export function serving(node: NodeState): Verdict {
  const probe = node.probe
  if (node.draining) return { tone: 'warn', text: t('serving.draining'), reason: t('serving.drainingWhy') }
  if (!probe || probe.health === 'unknown') return { tone: 'idle', text: t('serving.unknown'), reason: t('serving.unknownWhy') }
  const since = probe.since ? t('since', { ago: format.ago(probe.since) }) : undefined
  if (probe.health === 'up') return { tone: 'good', text: t('serving.up'), reason: since }
  const why = [probe.reason, since].filter(Boolean).join(', ')
  return { tone: probe.health === 'down' ? 'bad' : 'warn', text: t(`serving.${probe.health}`), reason: why }
}

/** Whether it works with the newest configuration and has applied every refresh. */
export function freshness(node: NodeState, newest: { config_seq: number; purge_seq: number }): Verdict {
  if (node.config_error) return { tone: 'bad', text: t('fresh.refused'), reason: node.config_error }
  const configLag = newest.config_seq - node.config_seq
  const purgeLag = newest.purge_seq - node.purge_seq
  if (configLag > 0) return { tone: 'warn', text: t('fresh.config', { count: configLag }), reason: t('fresh.at', { seq: node.config_seq }) }
  if (purgeLag > 0) return { tone: 'warn', text: t('fresh.purge', { count: purgeLag }), reason: t('fresh.at', { seq: node.purge_seq }) }
  if (!node.ready) return { tone: 'warn', text: t('fresh.notReady'), reason: t('fresh.notReadyWhy') }
  return { tone: 'good', text: t('fresh.current'), reason: t('fresh.at', { seq: node.config_seq }) }
}
