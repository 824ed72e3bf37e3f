import type { Schema } from '../api/client'

export type OriginGroup = Schema['OriginGroup']

/** An origin group as a form holds it: text where people type. */
export interface OriginForm {
  origins: { host: string; port: string; tls: boolean; weight: string; backup: boolean }[]
  hostHeader: string
  verifyTls: boolean
  sni: string
  connectTimeout: string
  firstByteTimeout: string
  healthPath: string
}

export function emptyOrigin(): OriginForm['origins'][number] {
  return { host: '', port: '', tls: false, weight: '1', backup: false }
}

export function toForm(group?: OriginGroup): OriginForm {
  return {
    origins: group?.origins.map((origin) => ({ host: origin.host, port: String(origin.port), tls: origin.tls ?? false, weight: String(origin.weight ?? 1), backup: origin.backup ?? false })) ?? [emptyOrigin()],
    hostHeader: group?.host_header ?? '',
    verifyTls: group?.verify_tls ?? true,
    sni: group?.sni ?? '',
    connectTimeout: String(group?.connect_timeout ?? '3s'),
    firstByteTimeout: String(group?.first_byte_timeout ?? '30s'),
    healthPath: group?.health_path ?? '',
  }
}

/** The port one would type nothing for. */
export const usualPort = (tls: boolean) => (tls ? 443 : 80)

export function toBody(form: OriginForm) {
  return {
    origins: form.origins.map((origin) => ({ host: origin.host.trim(), port: Number(origin.port) || usualPort(origin.tls), tls: origin.tls, weight: Number(origin.weight), backup: origin.backup })),
    host_header: form.hostHeader.trim(),
    verify_tls: form.verifyTls,
    sni: form.sni.trim(),
    connect_timeout: form.connectTimeout,
    first_byte_timeout: form.firstByteTimeout,
    health_path: form.healthPath.trim(),
  }
}
