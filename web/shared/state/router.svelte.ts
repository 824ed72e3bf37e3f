import type { Component } from 'svelte'

export interface RouteEntry {
  /** "/nodes/:id" below the portal's base. */
  pattern: string
  load: () => Promise<{ default: Component<any> }>
  /** Shown without a session. */
  open?: boolean
}

export interface Match {
  entry: RouteEntry
  params: Record<string, string>
}

/** Where we are: the path below the base and the query, both in the address bar. Every filter of a page lives here. */
class Router {
  base = '/'
  path = $state('/')
  query = $state.raw(new URLSearchParams())

  start(base: string): void {
    this.base = base
    this.read()
    addEventListener('popstate', () => this.read())
    document.addEventListener('click', (event) => this.onClick(event))
  }

  private read(): void {
    const path = location.pathname
    this.path = path.startsWith(this.base) ? `/${path.slice(this.base.length)}` : '/'
    this.query = new URLSearchParams(location.search)
  }

  /** Plain clicks on links within the portal change the page without loading it. */
  private onClick(event: MouseEvent): void {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
    const link = (event.target as Element | null)?.closest('a')
    if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return
    if (!link.pathname.startsWith(this.base)) return
    event.preventDefault()
    if (link.href !== location.href) {
      history.pushState(null, '', link.href)
      this.read()
      scrollTo(0, 0)
    }
  }

  /** The address of a path below the base, for links. */
  href(path: string, query?: Record<string, string | number | undefined>): string {
    const text = new URLSearchParams()
    for (const [name, value] of Object.entries(query ?? {})) if (value !== undefined && value !== '') text.set(name, String(value))
    const search = text.toString()
    return this.base + path.replace(/^\//, '') + (search ? `?${search}` : '')
  }

  go(path: string, query?: Record<string, string | number | undefined>): void {
    history.pushState(null, '', this.href(path, query))
    this.read()
    scrollTo(0, 0)
  }

  get(name: string): string {
    return this.query.get(name) ?? ''
  }

  /** Changes parameters of the query in place; empty ones go. */
  set(changes: Record<string, string | undefined>, options: { push?: boolean } = {}): void {
    const next = new URLSearchParams(location.search)
    for (const [name, value] of Object.entries(changes)) {
      if (value) next.set(name, value)
      else next.delete(name)
    }
    const search = next.toString()
    const url = location.pathname + (search ? `?${search}` : '')
    if (options.push) history.pushState(null, '', url)
    else history.replaceState(null, '', url)
    this.query = next
  }
}

export const router = new Router()

export function match(routes: RouteEntry[], path: string): Match | undefined {
  const parts = path.replace(/\/$/, '').split('/')
  for (const entry of routes) {
    const pattern = entry.pattern.replace(/\/$/, '').split('/')
    if (pattern.length !== parts.length) continue
    const params: Record<string, string> = {}
    const fits = pattern.every((piece, i) => {
      if (!piece.startsWith(':')) return piece === parts[i]
      params[piece.slice(1)] = decodeURIComponent(parts[i] ?? '')
      return true
    })
    if (fits) return { entry, params }
  }
  return undefined
}
