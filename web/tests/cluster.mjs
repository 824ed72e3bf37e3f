// A whole CDN of its own for a walk: `yz up` in a temporary folder, an origin that counts, and requests as a viewer makes them.
import { spawn, execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const kStartTime = 60_000
const bin = process.env.YZ_BIN

/** When the process has ended. */
export function finished(child) {
  return new Promise((resolve) => (child.exitCode === null && child.signalCode === null ? child.once('exit', resolve) : resolve()))
}

export class Cluster {
  folder = mkdtempSync(join(tmpdir(), 'yz-portals-'))
  state = join(this.folder, 'state')
  agents = []

  async start() {
    const port = 12_000 + (process.pid % 400) * 40
    this.up = spawn(join(bin, 'yz'), ['--state', this.state, 'up', '--memory', '32MiB', '--port', String(port)], { stdio: ['ignore', 'pipe', 'inherit'] })
    let text = ''
    await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`yz up is not ready: ${text}`)), kStartTime)
      this.up.stdout.on('data', (data) => {
        text += data
        if (text.includes('What to type next')) (clearTimeout(timer), resolve())
      })
      this.up.once('exit', () => reject(new Error(`yz up ended: ${text}`)))
    })
    this.plan = JSON.parse(readFileSync(join(this.state, 'cluster.json'), 'utf8'))
    this.base = `http://127.0.0.1:${this.plan.ports.api}`
  }

  /** Starts an agent as the portal's join command says, with the settings its neighbour on this machine has. */
  startAgent(name, address, token) {
    const settings = JSON.parse(readFileSync(join(this.state, 'agent-beijing-1.yaml'), 'utf8'))
    settings.name = name
    settings.state = join(this.folder, name)
    settings.join_token = token
    settings.edge.settings.listen = [`${address}:${this.plan.ports.edge}`]
    settings.edge.settings.tls_listen = [`${address}:${this.plan.ports.https}`]
    settings.edge.settings.access_log = join(this.folder, `${name}.access.json`)
    const file = join(this.folder, `${name}.yaml`)
    writeFileSync(file, JSON.stringify(settings))
    this.agents.push(spawn(join(bin, 'yz-agent'), ['--config', file], { stdio: 'ignore' }))
  }

  /** A viewer's request to an edge; with `ca`, over TLS that trusts it alone; with `viewer`, passed on by a proxy for that address. */
  async get(host, path, { address = '127.0.1.1', ca, viewer } = {}) {
    const options = { host: address, path, headers: { Host: host, ...(viewer ? { 'X-Forwarded-For': viewer } : {}) }, agent: false, port: ca ? this.plan.ports.https : this.plan.ports.edge, ca, servername: host }
    return new Promise((resolve, reject) => {
      const request = (ca ? https : http).get(options, (response) => {
        let body = ''
        response.setEncoding('utf8')
        response.on('data', (data) => (body += data))
        response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body }))
      })
      request.setTimeout(5000, () => request.destroy(new Error('too slow')))
      request.on('error', reject)
    })
  }

  async stop() {
    for (const agent of this.agents) {
      agent.kill('SIGTERM')
      await finished(agent)
    }
    if (this.up && this.up.exitCode === null) {
      this.up.removeAllListeners('exit')
      this.up.kill('SIGINT')
      await finished(this.up)
    }
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** An origin with one text that can be changed; counts what it is asked for. */
export class Origin {
  text = 'first'
  requests = 0
  server = http.createServer((request, response) => {
    this.requests += 1
    const headers = { 'Content-Type': 'text/plain', 'Cache-Control': 'max-age=600', ETag: `"${this.text}"` }
    response.writeHead(200, headers).end(this.text)
  })

  async start() {
    await new Promise((resolve) => this.server.listen(0, '127.0.0.1', resolve))
    this.port = this.server.address().port
  }
  stop() {
    this.server.closeAllConnections()
    this.server.close()
  }
}

/** A certificate for the name, signed by itself: [chain, key] in PEM. */
export function makeCertificate(folder, name) {
  const [chain, key] = [join(folder, 'site.pem'), join(folder, 'site.key')]
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '90', '-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`, '-keyout', key, '-out', chain], { stdio: 'ignore' })
  return [readFileSync(chain, 'utf8'), readFileSync(key, 'utf8')]
}

/** Asks until the answer satisfies, or fails with the last one. */
export async function eventually(what, ask, satisfies, time = 15_000) {
  const deadline = Date.now() + time
  let last
  while (Date.now() < deadline) {
    try {
      last = await ask()
      if (satisfies(last)) return last
    } catch (error) {
      last = error
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`${what}: ${last instanceof Error ? last.message : JSON.stringify(last)}`)
}
