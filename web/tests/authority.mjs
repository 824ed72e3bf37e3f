// A certificate authority of its own for a walk: Debian's pebble, to which every host name is the first edge.
import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import https from 'node:https'
import net from 'node:net'
import { join } from 'node:path'
import { eventually, finished } from './cluster.mjs'

/** Ports that nobody listens at, all different. */
async function freePorts(count) {
  const servers = Array.from({ length: count }, () => net.createServer())
  await Promise.all(servers.map((server) => new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))))
  const ports = servers.map((server) => server.address().port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

export class Authority {
  children = []

  /** `edgePort`: where edges answer plain HTTP, and so http-01. */
  async start(folder, edgePort) {
    this.folder = join(folder, 'authority')
    mkdirSync(this.folder)
    const [key, cert, config] = ['key.pem', 'cert.pem', 'config.json'].map((name) => join(this.folder, name))
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', cert, '-days', '2', '-subj', '/CN=pebble', '-addext', 'subjectAltName=IP:127.0.0.1'], { stdio: 'ignore' })
    this.ca = readFileSync(cert, 'utf8')
    const [port, management, dns, dnsManagement, tls] = await freePorts(5)
    this.directory = `https://127.0.0.1:${port}/dir`
    this.management = management
    const settings = { listenAddress: `127.0.0.1:${port}`, managementListenAddress: `127.0.0.1:${management}`, certificate: cert, privateKey: key, httpPort: edgePort, tlsPort: tls, ocspResponderURL: '', externalAccountBindingRequired: false, domainBlocklist: ['blocked.shop.test'] }
    writeFileSync(config, JSON.stringify({ pebble: settings }))
    const log = openSync(join(this.folder, 'log'), 'a')
    this.children.push(spawn('pebble-challtestsrv', ['-dns01', `127.0.0.1:${dns}`, '-http01', '', '-https01', '', '-tlsalpn01', '', '-management', `127.0.0.1:${dnsManagement}`, '-defaultIPv4', '127.0.1.1', '-defaultIPv6', ''], { stdio: ['ignore', log, log] }))
    this.children.push(spawn('pebble', ['-config', config, '-strict', '-dnsserver', `127.0.0.1:${dns}`], { stdio: ['ignore', log, log], env: { ...process.env, PEBBLE_VA_NOSLEEP: '1' } }))
    try {
      this.root = await eventually('pebble answers', () => this.get('/roots/0'), (text) => text.includes('BEGIN CERTIFICATE'), 40_000)
    } catch (error) {
      throw new Error(`${error.message}\n${readFileSync(join(this.folder, 'log'), 'utf8')}`)
    }
  }

  get(path) {
    return new Promise((resolve, reject) => {
      https
        .get({ host: '127.0.0.1', port: this.management, path, ca: this.ca, agent: false }, (response) => {
          let body = ''
          response.setEncoding('utf8')
          response.on('data', (data) => (body += data))
          response.on('end', () => resolve(body))
        })
        .on('error', reject)
    })
  }

  async stop() {
    for (const child of this.children) {
      child.kill('SIGKILL')
      await finished(child)
    }
  }
}
