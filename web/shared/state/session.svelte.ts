import { api, credentials, type Schema } from '../api/client'

const kTokenKey = 'yz.token'

/** Who uses the portal: a person signed in (a session in a cookie that scripts cannot read), or an API token kept for this tab. */
export interface Identity {
  name: string
  role: Schema['Role']
  permissions: string[]
  /** None for the operator's people and tokens. */
  tenant?: number
  tenantName?: string
  user?: Schema['Session']['user']
}

function ofSession(session: Schema['Session']): Identity {
  credentials.csrf = session.csrf
  return {
    name: session.user.name || session.user.email,
    role: session.role,
    permissions: session.permissions,
    tenant: session.tenant?.id,
    tenantName: session.tenant?.name,
    user: session.user,
  }
}

class Session {
  identity = $state.raw<Identity>()
  /** Whether we have asked yet. */
  isKnown = $state(false)
  hasEnded = $state(false)

  async start(): Promise<void> {
    credentials.onLost = () => this.lose()
    credentials.token = sessionStorage.getItem(kTokenKey) ?? ''
    try {
      await this.read()
    } catch {
      this.identity = undefined
    }
    this.hasEnded = false
    this.isKnown = true
  }

  private async read(): Promise<void> {
    if (!credentials.token) {
      this.identity = ofSession(await api.get('/api/v1/session'))
      return
    }
    const who = await api.get('/api/v1/whoami')
    this.identity = { name: who.name ?? '', role: who.role, permissions: who.permissions, tenant: who.tenant }
  }

  async signIn(email: string, password: string, code: string): Promise<void> {
    credentials.token = ''
    sessionStorage.removeItem(kTokenKey)
    this.identity = ofSession(await api.post('/api/v1/session', { body: { email: email.trim(), password, ...(code ? { code: code.trim() } : {}) } }))
    this.hasEnded = false
  }

  async signInWithToken(token: string): Promise<void> {
    credentials.token = token.trim()
    try {
      await this.read()
    } catch (error) {
      credentials.token = ''
      throw error
    }
    sessionStorage.setItem(kTokenKey, credentials.token)
    this.hasEnded = false
  }

  /** Ends all other sessions; this one goes on with a new cookie. */
  async changePassword(current: string, password: string): Promise<void> {
    this.identity = ofSession(await api.put('/api/v1/account/password', { body: { current, password } }))
  }

  async signOut(): Promise<void> {
    if (!credentials.token) await api.delete('/api/v1/session', {}).catch(() => {})
    this.forget()
  }

  /** The API no longer knows us. */
  private lose(): void {
    if (this.identity) this.hasEnded = true
    this.forget()
  }

  private forget(): void {
    sessionStorage.removeItem(kTokenKey)
    credentials.token = ''
    credentials.csrf = ''
    this.identity = undefined
  }

  may(permission: string): boolean {
    return this.identity?.permissions.includes(permission) ?? false
  }

  /** Of the operator's side: sees the rows of all tenants. */
  get isOperator(): boolean {
    return this.identity !== undefined && this.identity.tenant === undefined
  }
}

export const session = new Session()
