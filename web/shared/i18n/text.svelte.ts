import { type Language, preferences } from '../state/preferences.svelte'
import type en from './en'

/** Every text of the shared components and both portals, by key. */
export type Words = Record<string, string>
export type Key = keyof typeof en

let words = $state.raw<Words>({})
let sources: Record<Language, (() => Promise<{ default: Words }>)[]> = { en: [], zh: [] }

/** Names where the texts of a portal come from, and loads those of the language in use. */
export async function startTexts(from: Record<Language, (() => Promise<{ default: Words }>)[]>): Promise<void> {
  sources = from
  await useLanguage(preferences.language)
}

export async function useLanguage(language: Language): Promise<void> {
  const loaded = await Promise.all(sources[language].map((load) => load()))
  words = Object.assign({}, ...loaded.map((part) => part.default)) as Words
  preferences.keepLanguage(language)
}

/** The text of a key with its {placeholders} filled; the key itself when there is none. */
export function t(key: string, values?: Record<string, string | number>): string {
  const text = words[key] ?? key
  return values ? text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole)) : text
}

/** Whether there is a text for the key. */
export function hasText(key: string): boolean {
  return words[key] !== undefined
}
