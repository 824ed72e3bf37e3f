// An identity provider for tests/test_oidc.py: npm's oidc-provider with one client and whoever types an address. Started
// in the folder that it was installed in: PORT REDIRECT_URI SECRET.
import Provider from 'oidc-provider'

const [port, redirect, secret] = process.argv.slice(2)
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{ client_id: 'yizhan', client_secret: secret, redirect_uris: [redirect], response_types: ['code'], grant_types: ['authorization_code'] }],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
  pkce: { required: () => true, methods: ['S256'] },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: id, email_verified: !id.startsWith('unverified'), name: 'Somebody' }),
  }),
})
provider.listen(Number(port), '127.0.0.1', () => console.log('listening'))
