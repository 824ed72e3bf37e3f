import { mount, type Component } from 'svelte'
import './style/base.css'
import './style/table.css'
import { startTexts, type Words } from './i18n/text.svelte'
import { preferences, type Language } from './state/preferences.svelte'
import { router } from './state/router.svelte'
import { session } from './state/session.svelte'

type Source = () => Promise<{ default: Words }>

/** Begins a portal: texts, address, session, then the page. */
export async function start(app: Component, base: string, texts: Record<Language, Source>): Promise<void> {
  preferences.applyTheme()
  router.start(base)
  const shared: Record<Language, Source> = { en: () => import('./i18n/en'), zh: () => import('./i18n/zh') }
  await Promise.all([startTexts({ en: [shared.en, texts.en], zh: [shared.zh, texts.zh] }), session.start()])
  mount(app, { target: document.body })
}
