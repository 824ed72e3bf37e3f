// From first login to a served request on a new domain, in a real browser against a real control and a running cluster.
// Started by tests/test_portals.py; YZ_SHOTS names a folder for screenshots.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { Authority } from './authority.mjs'
import * as bills from './bills.mjs'
import { launch, Person } from './browser.mjs'
import * as certificates from './certificates.mjs'
import { Cluster, eventually, Origin } from './cluster.mjs'

const kDomain = 'www.shop.test'
const kNewNode = '127.0.1.7'
const kOwner = 'owner@shop.test'
const kPassword = 'seven horses a day'
/** A viewer in Beijing, one in Guangdong. */
const kViewers = ['202.106.0.20', '202.96.128.86', '202.96.128.86']
const started = Date.now()
const say = (text) => console.log(`${((Date.now() - started) / 1000).toFixed(1).padStart(6)} s  ${text}`)

const cluster = new Cluster()
const origin = new Origin()
const authority = new Authority()
const walk = { cluster, authority, domain: kDomain, say }
let browser
try {
  await Promise.all([cluster.start(), origin.start()])
  await authority.start(cluster.folder, cluster.plan.ports.edge)
  say(`cluster on ${cluster.base}`)
  browser = await launch()
  const operator = await Person.come(browser, { name: 'operator', language: 'en-GB', theme: 'light' })
  await signIn(operator)
  await joinNode(operator)
  const password = await makeTenant(operator)
  await certificates.addAuthority(walk, operator)
  await bills.givePlan(walk, operator)
  await trustProxies(operator)
  const customer = await Person.come(browser, { name: 'customer', language: 'zh-CN', theme: 'dark' })
  await enter(customer, password)
  await addDomain(customer)
  await certificates.orderCertificate(walk, customer)
  await serveAndRefresh(customer)
  await certificates.uploadCertificate(walk, customer)
  await setCaps(customer)
  await seeFigures(customer)
  await downloadLog(customer)
  await seeTop(customer)
  await certificates.seeOrders(walk, customer)
  await seeMap(operator)
  await bills.closeMonth(walk, operator)
  await bills.downloadBill(walk, customer)
  await lookBack(operator)
  await visitAll(operator, '/operator/', operatorPages)
  await visitAll(customer, '/portal/', customerPages)
  await narrow()
  operator.report()
  customer.report()
  say('done')
} catch (error) {
  // What each saw when it went wrong, beside the other pictures.
  for (const context of browser?.contexts() ?? []) await Person.lastSight(context)
  throw error
} finally {
  await browser?.close()
  origin.stop()
  await authority.stop()
  await cluster.stop()
}

async function signIn(person) {
  const { page } = person
  await page.goto(`${cluster.base}/operator/nodes`)
  await page.getByLabel('E-mail address').fill('admin@localhost')
  await page.getByLabel('Password').fill('not the password')
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await page.getByText('E-mail address or password is wrong.').waitFor()
  await person.checkAccess('sign in, refused')
  await person.shot('login_en_light')
  await page.getByLabel('Password').fill(cluster.plan.admin_password)
  await page.keyboard.press('Enter')
  // One is where one wanted to go.
  await page.getByRole('heading', { name: 'Nodes', level: 1 }).waitFor()
  say('the operator is in')
}

async function joinNode(person) {
  const { page } = person
  await page.getByRole('row', { name: /beijing-1/ }).getByText('Connected').waitFor()
  assert.equal(await page.getByRole('cell', { name: /Current/ }).count(), 4)
  await page.getByRole('button', { name: 'Add a node' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Name').fill('beijing-2')
  await dialog.getByLabel('Group').selectOption({ label: 'beijing-unicom (L1)' })
  await dialog.getByRole('button', { name: 'Save' }).click()
  // Refused where it is wrong: it has no address yet.
  await dialog.getByLabel('Addresses').and(page.locator('[aria-invalid=true]')).waitFor()
  await dialog.getByLabel('Addresses').fill(kNewNode)
  await dialog.getByLabel('HTTP port').fill(String(cluster.plan.ports.edge))
  await dialog.getByLabel('HTTPS port').fill(String(cluster.plan.ports.https))
  await person.checkAccess('node dialog')
  await dialog.getByRole('button', { name: 'Save' }).click()
  const command = await page.getByRole('group', { name: 'Join command' }).textContent()
  cluster.startAgent('beijing-2', kNewNode, /--join (\S+)/.exec(command)[1])
  await page.getByRole('dialog').getByText('Connected').waitFor()
  await person.shot('join_en_light')
  await page.getByRole('dialog').getByRole('button', { name: 'Close' }).last().click()
  await page.getByRole('row', { name: /beijing-2.*Connected.*Serves.*Current/ }).waitFor()
  await person.shot('nodes_en_light')
  say('a fifth node has joined and serves')
}

async function makeTenant(person) {
  const { page } = person
  await page.getByRole('link', { name: 'Tenants' }).click()
  await page.getByRole('button', { name: 'Add a tenant' }).click()
  await page.getByRole('dialog').getByLabel('Name').fill('Shop')
  await page.keyboard.press('Enter')
  await page.getByRole('cell', { name: 'Shop', exact: true }).waitFor()
  await page.getByRole('link', { name: 'Users' }).click()
  await page.getByRole('button', { name: 'Add a person' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('E-mail address').fill(kOwner)
  await dialog.getByLabel('Role').selectOption('owner')
  await dialog.getByLabel('Tenant').selectOption({ label: 'Shop' })
  await dialog.getByRole('button', { name: 'Save' }).click()
  const password = (await page.getByRole('group', { name: 'Password' }).textContent()).trim()
  await page.getByRole('dialog').getByRole('button', { name: 'Close' }).last().click()
  say('a tenant and its owner are made')
  return password
}

async function enter(person, password) {
  const { page } = person
  await page.goto(`${cluster.base}/portal/`)
  await logIn(page, password)
  // The password was given: one's own comes first.
  await page.getByRole('heading', { name: '请设置您自己的密码' }).waitFor()
  await page.getByLabel('当前密码').fill(password)
  await page.getByLabel('新密码', { exact: true }).fill(kPassword)
  await page.getByLabel('再次输入新密码').fill(kPassword)
  await page.getByRole('button', { name: '修改密码' }).click()
  await page.getByRole('heading', { name: '从添加域名开始' }).waitFor()
  await person.checkAccess('welcome')
  await person.shot('welcome_zh_dark')
}

async function logIn(page, password) {
  await page.getByLabel('邮箱').fill(kOwner)
  await page.getByLabel('密码').fill(password)
  await page.keyboard.press('Enter')
}

/** What comes from this machine is a proxy's: then viewers may be anywhere. */
async function trustProxies(person) {
  const { page } = person
  await page.getByRole('link', { name: 'Settings' }).click()
  await page.getByLabel('Trusted proxies').fill('127.0.0.0/8')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('Saved.').waitFor()
}

/** The map has viewers where they are, and its table says the same. */
async function seeMap(person) {
  const { page } = person
  await page.getByRole('link', { name: 'Overview' }).click()
  const map = page.locator('section', { has: page.getByRole('heading', { name: 'Traffic by province' }) })
  await map.locator('g', { hasText: 'Guangdong' }).locator('text', { hasText: 'bit/s' }).waitFor()
  assert.match(await map.locator('g', { hasText: 'Hainan' }).textContent(), /–/)
  await map.getByText('As a table').click()
  await map.getByRole('row', { name: /^Beijing/ }).waitFor()
  await person.checkAccess('map')
  await person.shot('map_en_light')
  say('traffic stands on the map')
}

async function addDomain(person) {
  const { page } = person
  await page.getByRole('link', { name: '添加第一个域名' }).click()
  await page.getByRole('textbox', { name: '域名', exact: true }).fill(kDomain)
  await page.keyboard.press('Enter')
  await page.getByLabel('主机名或地址').fill('127.0.0.1')
  await page.getByLabel('端口').fill('1')
  await page.getByRole('button', { name: '检查源站' }).click()
  await page.getByText('无法连接源站').waitFor()
  await page.getByLabel('端口').fill(String(origin.port))
  await page.getByRole('button', { name: '检查源站' }).click()
  await page.getByText(/源站在 .* 内返回 200/).waitFor()
  await person.checkAccess('wizard, origin')
  await person.shot('wizard_origin_zh_dark')
  await page.getByRole('button', { name: '下一步' }).click()
  await page.getByLabel('下载与视频').check()
  await person.checkAccess('wizard, cache')
  await person.shot('wizard_cache_zh_dark')
  await page.getByRole('button', { name: `创建 ${kDomain}` }).click()
  await page.getByRole('heading', { name: '把域名指向这里' }).waitFor()
  await page.getByText(`${kDomain}.${cluster.plan.zone}.`).waitFor()
  await page.getByText('域名还没有解析记录。').or(page.getByText('DNS 没有应答。')).waitFor()
  await person.checkAccess('wizard, CNAME')
  await person.shot('wizard_cname_zh_dark')
  await page.getByRole('button', { name: '下一步' }).click()
  await page.getByRole('heading', { name: 'HTTPS 证书' }).waitFor()
  say('the customer has added a domain by the wizard')
}

async function serveAndRefresh(person) {
  const { page } = person
  const url = `http://${kDomain}/offer.txt`
  const first = await eventually('the new domain is served', () => cluster.get(kDomain, '/offer.txt'), (answer) => answer.status === 200)
  assert.equal(first.body, 'first')
  await eventually('the second request is a hit', () => cluster.get(kDomain, '/offer.txt'), (answer) => /hit/.test(answer.headers['cache-status'] ?? ''))
  origin.text = 'second'
  assert.equal((await cluster.get(kDomain, '/offer.txt')).body, 'first')
  await page.getByRole('link', { name: '刷新预热' }).click()
  await page.getByRole('textbox', { name: 'URL' }).fill(url)
  await page.getByRole('button', { name: '刷新', exact: true }).click()
  await page.getByRole('region', { name: '刚提交的任务' }).getByText('已完成').first().waitFor()
  assert.equal((await cluster.get(kDomain, '/offer.txt')).body, 'second')
  await page.getByText('今日已用：刷新 URL 1 / 10,000').waitFor()
  await person.checkAccess('refresh')
  await person.shot('refresh_zh_dark')
  await page.getByLabel('对象').selectOption('prefetch')
  await page.getByLabel('预热之前').selectOption('hard')
  await page.getByRole('textbox', { name: 'URL' }).fill(url)
  origin.text = 'third'
  await page.getByRole('button', { name: '预热', exact: true }).click()
  const begun = page.getByRole('region', { name: '刚提交的任务' })
  await begun.getByRole('columnheader', { name: '已加载 URL' }).waitFor()
  await begun.getByText('已完成').first().waitFor()
  const ahead = await cluster.get(kDomain, '/offer.txt')
  assert.equal(ahead.body, 'third')
  assert.match(ahead.headers['cache-status'], /hit/)
  await person.checkAccess('prefetch')
  await person.shot('prefetch_zh_dark')
  say('served, refreshed, prefetched')
}

async function seeFigures(person) {
  const { page } = person
  await page.getByRole('link', { name: '统计' }).click()
  const requests = page.locator('.stat', { hasText: '请求数' }).locator('strong')
  await eventually('requests show', () => requests.textContent(), (text) => Number(text) >= 3, 20_000)
  const before = Number(await requests.textContent())
  for (let i = 0; i < 40; ++i) await cluster.get(kDomain, '/offer.txt', { viewer: kViewers[i % kViewers.length] })
  await eventually('the figures move', () => requests.textContent(), (text) => Number(text) >= before + 40, 20_000)
  await person.shot('statistics_zh_dark')
  say('the figures have moved')
}

/** A cap of the domain's traffic, set and removed; one of all domains' stays for the pages looked at later. */
async function setCaps(person) {
  const { page } = person
  await page.getByRole('link', { name: '用量封顶' }).click()
  await page.getByRole('button', { name: '添加封顶' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('域名').selectOption({ label: kDomain })
  await dialog.getByRole('button', { name: '保存' }).click()
  await dialog.getByLabel('封顶值').and(page.locator('[aria-invalid=true]')).waitFor()
  await dialog.getByLabel('封顶值').fill('5')
  await dialog.getByLabel('单位').selectOption('TB')
  await person.checkAccess('cap dialog')
  await dialog.getByRole('button', { name: '保存' }).click()
  await page.getByRole('row', { name: /www\.shop\.test.*流量.*5 TB.*正常/ }).waitFor()
  await page.getByRole('button', { name: '添加封顶' }).click()
  await dialog.getByLabel('类型').selectOption('bandwidth')
  await dialog.getByLabel('封顶值').fill('10')
  await dialog.getByLabel('单位').selectOption('Gbit/s')
  await dialog.getByRole('button', { name: '保存' }).click()
  await page.getByRole('row', { name: /全部域名.*带宽.*10 Gbit\/s.*正常/ }).waitFor()
  await page.getByLabel('状态').selectOption({ label: '已停止服务' })
  await page.getByText('没有符合条件的封顶。').waitFor()
  assert.match(page.url(), /suspended=true/)
  await page.getByLabel('状态').selectOption({ label: '未停止服务' })
  await page.getByRole('row', { name: /全部域名.*带宽/ }).waitFor()
  await page.getByLabel('状态').selectOption({ label: '全部' })
  await person.checkAccess('caps')
  await person.shot('caps_zh_dark')
  await page.getByRole('button', { name: `删除 流量封顶（${kDomain}）` }).click()
  await dialog.getByRole('button', { name: '删除', exact: true }).click()
  await page.getByRole('row', { name: /流量.*5 TB/ }).waitFor({ state: 'detached' })
  say('caps set, seen and removed')
}

/** The requests just made, as the log of this hour has them: downloaded by a click, read by zstd. */
async function downloadLog(person) {
  const { page } = person
  await page.getByRole('link', { name: '访问日志' }).click()
  await page.getByLabel('域名').selectOption({ label: kDomain })
  const lines = async () => {
    await page.reload()
    await page.getByRole('link', { name: /^下载/ }).first().waitFor({ timeout: 5_000 })
    const cells = await page.locator('tbody tr td:nth-child(3)').allTextContents()
    return cells.reduce((sum, text) => sum + Number(text), 0)
  }
  await eventually('the lines are there', lines, (sum) => sum >= 42, 30_000)
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: /^下载/ }).first().click()])
  assert.match(download.suggestedFilename(), /^access-.*\.tsv\.zst$/)
  const text = execFileSync('zstd', ['-dcq', await download.path()]).toString()
  const offers = text.split('\n').filter((line) => line.includes(`\t${kDomain}\t/offer.txt\t`))
  assert.ok(offers.length >= 1, text)
  await person.shot('logs_zh_dark')
  say('a log downloaded, its lines are the requests')
}

/** What the domain was asked for most: the lines of the log just downloaded, counted when the section is opened. */
async function seeTop(person) {
  const { page } = person
  await page.getByRole('link', { name: '统计' }).click()
  await page.getByLabel('域名', { exact: true }).selectOption({ label: kDomain })
  await page.getByRole('heading', { name: '排行' }).click()
  await page.getByRole('row', { name: /^\/offer\.txt \d/ }).waitFor()
  await page.getByLabel('统计对象').selectOption('client')
  await page.getByRole('row', { name: /^202\.96\.128\.86 \d/ }).waitFor()
  assert.match(page.url(), /top=client/)
  await person.checkAccess('top')
  await person.shot('top_zh_dark')
  await page.getByLabel('状态码类别').selectOption('3xx')
  await page.getByText('这段时间内没有 3xx 的日志。').waitFor()
  say('what is asked for most is seen')
}

async function lookBack(person) {
  const { page } = person
  await page.getByRole('link', { name: 'Domains' }).click()
  await page.getByRole('link', { name: kDomain }).click()
  await page.getByRole('link', { name: 'Caching' }).click()
  await page.getByLabel('Stand-in when the origin fails').fill('10m')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('Saved.').waitFor()
  await page.getByRole('link', { name: 'History' }).click()
  await page.getByText(/\d of \d are current/).waitFor()
  await page.getByRole('row').nth(1).getByRole('button', { name: 'What changed' }).click()
  await page.getByRole('dialog').getByRole('row', { name: /stale_on_error/ }).waitFor()
  await person.checkAccess('difference of versions')
  await person.shot('difference_en_light')
  await page.getByRole('dialog').getByRole('button', { name: 'Close' }).last().click()
  await page.getByRole('row').nth(2).getByRole('button', { name: 'Roll back' }).click()
  await page.getByRole('dialog').getByRole('row', { name: /stale_on_error/ }).waitFor()
  await page.getByRole('dialog').getByRole('button', { name: 'Roll back' }).click()
  await page.getByText(/The content of version \d+ is back/).waitFor()
  await page.getByRole('link', { name: 'Explain' }).click()
  await page.getByLabel('Domain or CNAME target').fill(kDomain)
  await page.getByLabel('Address of a viewer or resolver').fill('202.106.0.20')
  await page.getByRole('button', { name: 'Explain' }).click()
  await page.getByRole('link', { name: 'beijing-2' }).first().waitFor()
  assert.match(page.url(), /name=www\.shop\.test&address=202\.106\.0\.20/)
  say('changes looked at, rolled back, a decision explained')
}

function operatorPages() {
  return [['', 'overview'], ['nodes', 'nodes'], ['nodes/1', 'node'], ['groups', 'groups'], ['policies', 'policies'], [`explain?name=${kDomain}&address=202.106.0.20`, 'explain'],
    ['domains', 'domains'], ['domains/2?tab=cache', 'domain_cache'], ['domains/2?tab=history', 'domain_history'], ['certificates', 'certificates'], ['certificates?tab=orders', 'orders'], ['authorities', 'authorities'], ['tasks', 'tasks'], ['tasks/1', 'task'], ['tasks/2', 'prefetch'],
    ['changes', 'changes'], ['changes/5', 'change'], ['tenants', 'tenants'], ['statistics?range=6h', 'statistics'], ['logs?domain=2', 'logs'], ['bills', 'bills'], ['bills/1', 'bill'], ['caps', 'caps'], ['plans', 'plans'], ['keys', 'keys'], ['people', 'people'], ['account', 'account'], ['audit', 'audit'], ['settings', 'settings']]
}

function customerPages() {
  return [['', 'home'], ['domains', 'domains'], ['domains/new', 'wizard'], ['domains/2', 'domain'], ['domains/2?tab=cache', 'domain_cache'], ['domains/2?tab=origin', 'domain_origin'],
    ['domains/2?tab=https', 'domain_https'], ['domains/2?tab=names', 'domain_names'], ['domains/new?domain=2&step=certificate', 'wizard_certificate'], ['tasks', 'tasks'], ['certificates', 'certificates'], ['certificates?tab=orders', 'orders'], ['statistics', 'statistics'], [`statistics?domain=${kDomain}&range=30d&top=agent`, 'top'], ['logs?domain=2&days=7', 'logs'], ['bills', 'bills'], ['bills/2', 'bill'], ['caps', 'caps'], ['members', 'members'], ['account', 'account'], ['keys', 'keys'], ['audit', 'audit'], ['nothing', 'not_found']]
}

/** Every page in the person's language and theme, then in the others: faults, access, a picture. */
async function visitAll(person, base, pages) {
  const { page } = person
  for (const round of [0, 1]) {
    const suffix = await page.evaluate(() => `${document.documentElement.lang.slice(0, 2)}_${document.documentElement.dataset.theme ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light')}`)
    for (const [path, name] of pages()) {
      await page.goto(`${cluster.base}${base}${path}`)
      await page.getByRole('heading', { level: 1 }).waitFor()
      await person.settle()
      await person.checkAccess(`${base}${path} ${suffix}`)
      await person.shot(`${base.replaceAll('/', '')}_${name}_${suffix}`)
    }
    if (round === 0) {
      await page.getByRole('button', { name: /^(中文|English)$/ }).click()
      await page.getByRole('button', { name: /^(English|中文)$/ }).waitFor()
      await page.emulateMedia({ colorScheme: suffix.endsWith('dark') ? 'light' : 'dark' })
    }
  }
  say(`all pages of ${base} in both languages and themes`)
}

/** On a telephone: the menu opens, nothing is wider than the screen. */
async function narrow() {
  const person = await Person.come(browser, { name: 'on the way', language: 'zh-CN', theme: 'light', width: 390 })
  const { page } = person
  await page.goto(`${cluster.base}/portal/`)
  await logIn(page, kPassword)
  await page.getByRole('heading', { level: 1, name: '概览' }).waitFor()
  for (const path of ['', 'domains/2?tab=cache', 'domains/new?domain=2&step=certificate', 'certificates?tab=orders', 'tasks', 'statistics', 'domains/2?top=url', 'logs?domain=2', 'caps']) {
    await page.goto(`${cluster.base}/portal/${path}`)
    await page.getByRole('heading', { level: 1 }).waitFor()
    await person.settle()
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
    assert.ok(wide <= 1, `/portal/${path} is ${wide} px wider than a telephone`)
    await person.shot(`narrow_${path.replace(/\W+/g, '_')}`)
  }
  await page.getByRole('button', { name: '菜单' }).click()
  await page.getByRole('link', { name: '证书' }).click()
  await page.getByRole('heading', { name: '证书', level: 1 }).waitFor()
  person.report()
}
