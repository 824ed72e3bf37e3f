import { all, api, type Schema } from '../api/client'
import { Resource } from './resource.svelte'
import { session } from './session.svelte'

/** The tenants whose rows the viewer sees beside each other: all for the operator's people, none for a tenant's. Make it while a component is set up. */
export class Tenants {
  private readonly loaded = new Resource(async (signal): Promise<Schema['Tenant'][]> =>
    session.isOperator && session.may('tenant:read') ? all((cursor) => api.get('/api/v1/tenants', { query: { cursor, limit: 500 }, signal })) : [])
  readonly list = $derived(this.loaded.value ?? [])
  /** By id. */
  readonly names = $derived(new Map(this.list.map((tenant) => [tenant.id, tenant.name])))

  /** The name; the number of one that is gone or not read yet; nothing for what belongs to no tenant. */
  nameOf(id: number | undefined): string {
    return id ? (this.names.get(id) ?? String(id)) : ''
  }
}
