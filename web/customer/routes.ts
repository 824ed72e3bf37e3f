import type { RouteEntry } from '$shared/state/router.svelte'

export const routes: RouteEntry[] = [
  { pattern: '/', load: () => import('./pages/Home.svelte') },
  { pattern: '/domains', load: () => import('./pages/Domains.svelte') },
  { pattern: '/domains/new', load: () => import('./pages/AddDomain.svelte') },
  { pattern: '/domains/:id', load: () => import('$shared/pages/DomainPage.svelte') },
  { pattern: '/tasks', load: () => import('$shared/pages/Tasks.svelte') },
  { pattern: '/tasks/:id', load: () => import('$shared/pages/TaskPage.svelte') },
  { pattern: '/certificates', load: () => import('$shared/pages/Certificates.svelte') },
  { pattern: '/bills', load: () => import('$shared/pages/Bills.svelte') },
  { pattern: '/bills/:id', load: () => import('$shared/pages/Bill.svelte') },
  { pattern: '/caps', load: () => import('$shared/pages/Caps.svelte') },
  { pattern: '/logs', load: () => import('$shared/pages/Logs.svelte') },
  { pattern: '/statistics', load: () => import('$shared/pages/Statistics.svelte') },
  { pattern: '/keys', load: () => import('$shared/pages/Keys.svelte') },
  { pattern: '/members', load: () => import('$shared/pages/People.svelte') },
  { pattern: '/account', load: () => import('$shared/pages/Account.svelte') },
  { pattern: '/audit', load: () => import('$shared/pages/Audit.svelte') },
]
