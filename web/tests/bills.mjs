// Bills in the walk: a plan and a contract, a month closed and another drawn up, both downloaded.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'

const kPlan = {
  currency: 'CNY', utc_offset: '+08:00', regions: [{ name: 'all', countries: ['*'] }],
  items: [
    { id: 'traffic', label: 'Traffic', mode: 'traffic', regions: ['all'], price: { kind: 'progressive', tiers: [{ up_to: 10_000, price: '0.20' }, { price: '0.15' }] } },
    { id: 'requests', label: 'Requests', mode: 'requests', regions: ['all'], classes: ['plain_static', 'plain_dynamic', 'tls_static', 'tls_dynamic', 'quic'], per: 1, price: '0.01' },
  ],
}
/** Months as the plan counts them, eight hours before UTC. */
const monthOf = (time) => new Date(time.getTime() + 8 * 3_600_000).toISOString().slice(0, 7)
const monthBefore = () => {
  const [year, month] = monthOf(new Date()).split('-').map(Number)
  return month === 1 ? `${year - 1}-12` : `${year}-${String(month - 1).padStart(2, '0')}`
}

/** The operator charges the tenant from the first day of the last month on. */
export async function givePlan({ say }, person) {
  const { page } = person
  await page.getByRole('link', { name: 'Plans and contracts' }).click()
  await page.getByRole('button', { name: 'Add a plan' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Name').fill('Standard')
  await dialog.getByLabel('Plan (JSON)').fill(JSON.stringify(kPlan, null, 2))
  await dialog.getByRole('button', { name: 'Save' }).click()
  await page.getByRole('cell', { name: /^Standard/ }).waitFor()
  await page.getByRole('button', { name: 'Give a tenant a plan' }).click()
  await dialog.getByLabel('Tenant').selectOption({ label: 'Shop' })
  await dialog.getByLabel('Plan', { exact: true }).selectOption({ label: 'Standard (1)' })
  await dialog.getByLabel('From').fill(`${monthBefore()}-01`)
  await dialog.getByRole('button', { name: 'Save' }).click()
  await page.getByRole('row', { name: /Shop.*Standard/ }).waitFor()
  say('the tenant has a plan')
}

/** The month before is closed; of this one a draft is drawn up. */
export async function closeMonth({ say }, person) {
  const { page } = person
  for (const month of [monthBefore(), monthOf(new Date())]) {
    await page.getByRole('link', { name: 'Bills' }).first().click()
    await page.getByRole('button', { name: 'Draw up a month' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Tenant').selectOption({ label: 'Shop' })
    await dialog.getByLabel('Month').fill(month)
    await dialog.getByRole('button', { name: 'Draw up' }).click()
    await page.getByRole('heading', { name: `Statement ${month}` }).waitFor()
    await person.settle()
    // Control closes a month that is over by itself; a person may be sooner.
    const button = page.getByRole('button', { name: 'Close the month' })
    if (month === monthBefore() && (await button.isVisible())) {
      await button.click()
      await dialog.getByRole('button', { name: 'Close the month' }).click()
      await page.getByText('The month is closed.').waitFor()
    }
  }
  await page.getByRole('button', { name: 'Make again and compare' }).click()
  await page.getByRole('status').filter({ hasText: 'Made again' }).waitFor()
  await person.shot('bill_en_light')
  say('a month closed, another drawn up')
}

export async function downloadBill({ say }, person) {
  const { page } = person
  await page.getByRole('link', { name: '账单' }).click()
  await page.getByRole('row', { name: new RegExp(`${monthBefore()}.*已关账`) }).waitFor()
  await page.getByRole('link', { name: monthOf(new Date()) }).click()
  await page.getByRole('cell', { name: 'Requests', exact: true }).waitFor()
  await page.getByRole('row', { name: /Requests.*次请求.*0\.01 \/ 1 次请求/ }).waitFor()
  await page.getByRole('row', { name: /Traffic.*GB.*分段累进：0\.20（至 10000） \/ GB/ }).waitFor()
  const fetched = async (kind) => {
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: `下载 ${kind}` }).click()])
    assert.match(download.suggestedFilename(), new RegExp(`^yizhan-\\d{4}-\\d\\d\\.${kind.toLowerCase()}$`))
    return readFileSync(await download.path())
  }
  const csv = (await fetched('CSV')).toString()
  const line = csv.split('\n').find((one) => one.includes('Requests'))
  assert.match(line ?? '', /[1-9]/, csv)
  assert.equal((await fetched('PDF')).subarray(0, 5).toString(), '%PDF-')
  await person.checkAccess('bill')
  await person.shot('bill_zh_dark')
  await page.goBack()
  await page.getByRole('link', { name: monthBefore() }).click()
  await page.getByText('已关账').first().waitFor()
  assert.match((await fetched('CSV')).toString(), /Requests/)
  say('bills downloaded: a closed month and this one')
}
