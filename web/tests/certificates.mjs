// Certificates in the walk: an account at an authority, ordered in the wizard, uploaded, renewed, waiting for a record.
import assert from 'node:assert/strict'
import { eventually, makeCertificate } from './cluster.mjs'

const kSecond = 'img.shop.test'

export async function addAuthority({ authority, say }, person) {
  const { page } = person
  await page.getByRole('link', { name: 'Authorities' }).click()
  await page.getByText('There is no account yet').waitFor()
  await page.getByRole('button', { name: 'Add an account' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Name', { exact: true }).fill('pebble')
  await dialog.getByLabel('Directory URL').fill('http://127.0.0.1/dir')
  await dialog.getByLabel('Contacts').fill('ops@shop.test')
  await dialog.getByText('More: names left out, roots').click()
  await dialog.getByLabel('Trusted roots (PEM)').fill(authority.ca)
  await person.checkAccess('authority dialog')
  await dialog.getByRole('button', { name: 'Save' }).click()
  await dialog.getByLabel('Directory URL').and(page.locator('[aria-invalid=true]')).waitFor()
  await person.shot('authority_en_light')
  await dialog.getByLabel('Directory URL').fill(authority.directory)
  await dialog.getByRole('button', { name: 'Save' }).click()
  await page.getByRole('row', { name: /pebble.*Not used yet/ }).waitFor()
  say('an account at a certificate authority')
}

/** The wizard's last step: ordered at the authority, waited for, and then a viewer is served over HTTPS. */
export async function orderCertificate({ cluster, authority, domain, say }, person) {
  const { page } = person
  const names = page.getByRole('textbox', { name: '域名' })
  assert.equal(await names.inputValue(), domain)
  await page.getByLabel('以后再说').check()
  await page.getByRole('link', { name: '完成' }).waitFor()
  await page.getByLabel('上传证书').check()
  await page.getByLabel('私钥（PEM）').waitFor()
  await person.checkAccess('wizard, upload')
  await page.getByRole('radio', { name: '申请证书' }).check()
  await person.checkAccess('wizard, order')
  await person.shot('wizard_order_zh_dark')
  // Refused where it is wrong, and nothing else is lost.
  await names.fill('www.other.test')
  await page.getByRole('button', { name: '申请证书' }).click()
  await names.and(page.locator('[aria-invalid=true]')).waitFor()
  await names.fill(domain)
  await page.getByRole('button', { name: '申请证书' }).click()
  await page.getByRole('progressbar', { name: '申请进度' }).waitFor()
  await person.shot('wizard_ordering_zh_dark')
  await page.getByText('已生效').waitFor({ timeout: 60_000 })
  await page.getByText(`${domain} 适用于此域名`).waitFor()
  await person.checkAccess('wizard, ordered')
  await person.shot('wizard_ordered_zh_dark')
  const answer = await cluster.get(domain, '/secure.txt', { ca: authority.root })
  assert.equal(answer.status, 200)
  await page.getByRole('link', { name: '完成' }).click()
  await page.getByRole('heading', { name: domain, level: 1 }).waitFor()
  say('a certificate ordered in the wizard; served over HTTPS with it')
}

/** A certificate of one's own, for another name of the domain. */
export async function uploadCertificate({ cluster, say }, person) {
  const { page } = person
  await page.goto(`${cluster.base}/portal/domains/2?tab=names`)
  await page.getByLabel('其他域名').fill(kSecond)
  await page.getByRole('button', { name: '保存' }).click()
  await page.getByText('已保存').waitFor()
  const [chain, key] = makeCertificate(cluster.folder, kSecond)
  await page.getByRole('link', { name: '证书', exact: true }).click()
  await page.getByRole('button', { name: '上传证书' }).first().click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('证书链（PEM）').fill('no certificate')
  await dialog.getByLabel('私钥（PEM）').fill(key)
  await dialog.getByRole('button', { name: '上传', exact: true }).click()
  await dialog.getByLabel('证书链（PEM）').and(page.locator('[aria-invalid=true]')).waitFor()
  await dialog.getByLabel('证书链（PEM）').fill(chain)
  await dialog.getByRole('button', { name: '上传', exact: true }).click()
  await page.getByRole('cell', { name: new RegExp(`^${kSecond}`) }).waitFor()
  const answer = await eventually('HTTPS with the new certificate', () => cluster.get(kSecond, '/offer.txt', { ca: chain }), (reply) => reply.status === 200)
  assert.equal(answer.body, 'third')
  say('served over HTTPS with the uploaded certificate')
}

/** Orders are listed with what became of them; one that the authority refuses says why; one is renewed by hand. */
export async function seeOrders({ cluster, domain, say }, person) {
  const { page } = person
  await page.goto(`${cluster.base}/portal/certificates`)
  await page.getByRole('row', { name: new RegExp(domain) }).getByRole('button', { name: /^续期/ }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByText('自动续期', { exact: true }).waitFor()
  await dialog.getByText('吊销…').click()
  await person.checkAccess('renewal')
  await person.shot('renewal_zh_dark')
  await dialog.getByRole('button', { name: '立即续期' }).click()
  await page.getByRole('row', { name: new RegExp(`${domain}.*已生效`) }).nth(1).waitFor({ timeout: 60_000 })
  await page.getByRole('button', { name: '申请证书' }).click()
  await dialog.getByLabel('域名').fill('*.shop.test')
  await dialog.getByText('每个域名需添加一条 CNAME 记录', { exact: false }).first().waitFor()
  await person.checkAccess('order dialog')
  await person.shot('order_zh_dark')
  await dialog.getByRole('button', { name: '提交申请' }).click()
  // Its owner has not made the record: the order waits, and says for what.
  const row = page.getByRole('row', { name: /\*\.shop\.test/ })
  await row.waitFor()
  await row.getByRole('button', { name: /^查看/ }).click()
  await dialog.getByText(`_acme-challenge.shop.test.  CNAME  _acme-challenge.shop.test.${cluster.plan.zone}.`).waitFor()
  await person.checkAccess('an order')
  await person.shot('order_progress_zh_dark')
  await dialog.getByRole('button', { name: '关闭' }).last().click()
  say('orders looked at, a certificate renewed')
}
