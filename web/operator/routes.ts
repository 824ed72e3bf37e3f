import type { RouteEntry } from '$shared/state/router.svelte'

export const routes: RouteEntry[] = [
  { pattern: '/', load: () => import('./pages/Overview.svelte') },
  { pattern: '/nodes', load: () => import('./pages/Nodes.svelte') },
  { pattern: '/nodes/:id', load: () => import('./pages/Node.svelte') },
  { pattern: '/groups', load: () => import('./pages/Groups.svelte') },
  { pattern: '/policies', load: () => import('./pages/Policies.svelte') },
  { pattern: '/explain', load: () => import('./pages/Explain.svelte') },
  { pattern: '/domains', load: () => import('./pages/Domains.svelte') },
  { pattern: '/domains/:id', load: () => import('$shared/pages/DomainPage.svelte') },
  { pattern: '/certificates', load: () => import('$shared/pages/Certificates.svelte') },
  { pattern: '/tasks', load: () => import('$shared/pages/Tasks.svelte') },
  { pattern: '/tasks/:id', load: () => import('$shared/pages/TaskPage.svelte') },
  { pattern: '/changes', load: () => import('./pages/ConfigChanges.svelte') },
  { pattern: '/changes/:seq', load: () => import('./pages/ConfigChange.svelte') },
  { pattern: '/tenants', load: () => import('./pages/Tenants.svelte') },
  { pattern: '/statistics', load: () => import('$shared/pages/Statistics.svelte') },
  { pattern: '/keys', load: () => import('$shared/pages/Keys.svelte') },
  { pattern: '/people', load: () => import('$shared/pages/People.svelte') },
  { pattern: '/account', load: () => import('$shared/pages/Account.svelte') },
  { pattern: '/audit', load: () => import('$shared/pages/Audit.svelte') },
  { pattern: '/settings', load: () => import('./pages/Settings.svelte') },
]
