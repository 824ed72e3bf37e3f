// Debian's Chromium, and what every page is held to: no error on the console, nothing refused by the content policy, no
// serious fault that axe finds.
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { chromium } from 'playwright-core'

const kPrograms = [process.env.YZ_CHROMIUM, '/usr/bin/chromium-headless-shell', '/usr/bin/chromium']
const kFlags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

export const program = kPrograms.find((path) => path && existsSync(path))

export function launch() {
  return chromium.launch({ executablePath: program, args: kFlags })
}

/** One person at one browser. */
export class Person {
  faults = []

  constructor(context, page, name) {
    this.context = context
    this.page = page
    this.name = name
    this.shots = process.env.YZ_SHOTS
    if (this.shots) mkdirSync(this.shots, { recursive: true })
  }

  static async come(browser, { name, language, theme, width = 1360 }) {
    const context = await browser.newContext({ locale: language, colorScheme: theme, viewport: { width, height: 900 }, reducedMotion: 'reduce' })
    const page = await context.newPage()
    page.setDefaultTimeout(15_000)
    const person = new Person(context, page, name)
    // A refusal that the page shows (a 4xx of the API) is no fault of the page.
    page.on('console', (message) => {
      if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) person.faults.push(message.text())
    })
    page.on('pageerror', (error) => person.faults.push(error.message))
    return person
  }

  static async lastSight(context) {
    const folder = process.env.YZ_SHOTS
    for (const [i, page] of context.pages().entries()) if (folder) await page.screenshot({ path: join(folder, `failed_${context.browser().contexts().indexOf(context)}_${i}.png`), fullPage: true })
  }

  async settle() {
    await this.page.waitForFunction(() => !document.querySelector('main [aria-busy=true]') && !/Loading…|加载中…/.test(document.querySelector('main')?.textContent ?? ''))
  }

  async shot(name) {
    if (this.shots) await this.page.screenshot({ path: join(this.shots, `${name}.png`), fullPage: true })
  }

  /** Notes anything axe calls serious or critical; report() fails on it. */
  async checkAccess(where) {
    await this.page.evaluate(axe)
    const found = await this.page.evaluate(async () => {
      const result = await globalThis.axe.run(document, { resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] })
      return result.violations.filter((one) => ['serious', 'critical'].includes(one.impact)).map((one) => `${one.id}: ${one.nodes.map((node) => `${node.target.join(' ')} ${node.any[0]?.message ?? ''}`).join('; ')}`)
    })
    this.faults.push(...found.map((fault) => `${where}: ${fault}`))
  }

  report() {
    assert.deepEqual(this.faults, [], this.name)
  }
}
