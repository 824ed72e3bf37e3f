import type { components, paths } from './schema.gen'

/** The schemas of api/openapi.yaml by name. */
export type Schema = components['schemas']

type Method = 'get' | 'post' | 'put' | 'patch' | 'delete'
type Operation<P extends keyof paths, M extends Method> = Exclude<paths[P][M], undefined>
/** Paths that have an operation of that method. */
export type PathsWith<M extends Method> = {
  [P in keyof paths]: Operation<P, M> extends never ? never : P
}[keyof paths]

type Content<R> = R extends { content: infer C } ? (C extends { 'application/json': infer J } ? J : C[keyof C]) : undefined
type Success<R> = R extends { 200: infer A } ? Content<A> : R extends { 201: infer A } ? Content<A> : R extends { 202: infer A } ? Content<A> : undefined
export type Answer<P extends keyof paths, M extends Method> =
  Operation<P, M> extends { responses: infer R } ? Success<R> : never
export type Body<P extends keyof paths, M extends Method> =
  Operation<P, M> extends { requestBody?: infer R } ? (NonNullable<R> extends { content: infer C } ? C[keyof C] : undefined) : undefined
export type Query<P extends keyof paths, M extends Method> =
  Operation<P, M> extends { parameters: { query?: infer Q } } ? Q : undefined

/** Why the API refused or failed (RFC 9457), or why it could not be asked: then `status` is 0. */
export class ApiError extends Error {
  readonly status: number
  readonly code: string
  readonly requestId?: string
  readonly errors: { pointer: string; detail: string }[]
  /** The whole document. */
  readonly document: Record<string, unknown>

  constructor(status: number, document: Record<string, unknown>) {
    super(String(document.detail ?? document.title ?? ''))
    this.status = status
    this.document = document
    this.code = String(document.type ?? '').split(':').pop() ?? ''
    this.requestId = document.request_id as string | undefined
    this.errors = (document.errors as ApiError['errors'] | undefined) ?? []
  }

  /** What was wrong with the member at a JSON pointer (or below it), if anything. */
  at(pointer: string): string | undefined {
    const found = this.errors.filter((error) => error.pointer === pointer || error.pointer.startsWith(`${pointer}/`))
    return found.length > 0 ? found.map((error) => error.detail).join('; ') : undefined
  }
}

/** How a request proves who asks. Set by the session. */
export const credentials: { token: string; csrf: string; onLost: () => void } = { token: '', csrf: '', onLost: () => {} }

export interface Options<P extends keyof paths, M extends Method> {
  path?: Record<string, string | number>
  query?: Query<P, M>
  body?: Body<P, M>
  ifMatch?: string
  signal?: AbortSignal
}

/** An answer with the version it was given for. */
export interface Versioned<T> {
  value: T
  etag: string
}

export function fillPath(pattern: string, values: Record<string, string | number> = {}): string {
  return pattern.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(values[name])))
}

export function queryText(query: object | undefined): string {
  const out = new URLSearchParams()
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined && value !== null && value !== '') out.set(name, String(value))
  }
  const text = out.toString()
  return text ? `?${text}` : ''
}

export function authHeaders(changes: boolean): Record<string, string> {
  const headers: Record<string, string> = {}
  if (credentials.token) headers.Authorization = `Bearer ${credentials.token}`
  else if (changes && credentials.csrf) headers['X-Csrf-Token'] = credentials.csrf
  return headers
}

export async function send(method: string, url: string, options: { body?: unknown; ifMatch?: string; signal?: AbortSignal }): Promise<Response> {
  const headers: Record<string, string> = { Accept: 'application/json', ...authHeaders(method !== 'GET') }
  if (options.body !== undefined) {
    headers['Content-Type'] = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json'
  }
  if (options.ifMatch) headers['If-Match'] = options.ifMatch
  if (method === 'POST') headers['Idempotency-Key'] = randomKey()
  let response: Response
  try {
    response = await fetch(url, {
      method,
      headers,
      body: options.body === undefined ? undefined : JSON.stringify(options.body),
      signal: options.signal,
      credentials: 'same-origin',
    })
  } catch (error) {
    if (options.signal?.aborted) throw error
    throw new ApiError(0, { type: 'urn:yizhan:problem:unreachable', title: '' })
  }
  if (!response.ok) throw await readProblem(response)
  return response
}

async function readProblem(response: Response): Promise<ApiError> {
  let document: Record<string, unknown> = { title: response.statusText }
  try {
    document = (await response.json()) as Record<string, unknown>
  } catch {
    // Not ours (a proxy's page): the status says enough.
  }
  const error = new ApiError(response.status, document)
  if (error.status === 401 && error.code !== 'code_required' && !new URL(response.url).pathname.endsWith('/session')) credentials.onLost()
  return error
}

function randomKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

async function ask<P extends keyof paths, M extends Method>(method: M, path: P, options: Options<P, M>): Promise<Versioned<Answer<P, M>>> {
  const url = fillPath(path as string, options.path) + queryText(options.query as object | undefined)
  const response = await send(method.toUpperCase(), url, options)
  const value = response.status === 204 ? undefined : await response.json()
  return { value: value as Answer<P, M>, etag: response.headers.get('ETag') ?? '' }
}

/** The API, typed by its description. Every function fails with ApiError. */
export const api = {
  get: async <P extends PathsWith<'get'>>(path: P, options: Options<P, 'get'> = {}) => (await ask('get', path, options)).value,
  read: <P extends PathsWith<'get'>>(path: P, options: Options<P, 'get'> = {}) => ask('get', path, options),
  post: async <P extends PathsWith<'post'>>(path: P, options: Options<P, 'post'>) => (await ask('post', path, options)).value,
  put: async <P extends PathsWith<'put'>>(path: P, options: Options<P, 'put'>) => (await ask('put', path, options)).value,
  patch: async <P extends PathsWith<'patch'>>(path: P, options: Options<P, 'patch'>) => (await ask('patch', path, options)).value,
  delete: async <P extends PathsWith<'delete'>>(path: P, options: Options<P, 'delete'>) => (await ask('delete', path, options)).value,
}

/** All items of a list that is known to be short (groups, policies, tenants): follows the cursor. */
export async function all<T>(page: (cursor: string | undefined) => Promise<{ items: T[]; next_cursor?: string }>): Promise<T[]> {
  const out: T[] = []
  let cursor: string | undefined
  do {
    const answer = await page(cursor)
    out.push(...answer.items)
    cursor = answer.next_cursor
  } while (cursor && out.length < 5000)
  return out
}
