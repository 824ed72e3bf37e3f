import { untrack } from 'svelte'

export type Language = 'en' | 'zh'
export type Theme = 'light' | 'dark' | 'system'

function kept(name: string): string | null {
  try {
    return localStorage.getItem(name)
  } catch {
    return null
  }
}

function keep(name: string, value: string): void {
  try {
    localStorage.setItem(name, value)
  } catch {
    // Private windows may refuse; then it holds as long as the page.
  }
}

function firstLanguage(): Language {
  const chosen = kept('yz.language')
  if (chosen === 'en' || chosen === 'zh') return chosen
  return navigator.languages.some((language) => language.toLowerCase().startsWith('zh')) ? 'zh' : 'en'
}

function firstTheme(): Theme {
  const chosen = kept('yz.theme')
  return chosen === 'light' || chosen === 'dark' ? chosen : 'system'
}

/** What a person chose for this browser: language and theme. */
class Preferences {
  language = $state<Language>(firstLanguage())
  theme = $state<Theme>(firstTheme())

  setTheme(theme: Theme): void {
    this.theme = theme
    keep('yz.theme', theme)
    this.applyTheme()
  }

  applyTheme(): void {
    const theme = untrack(() => this.theme)
    if (theme === 'system') delete document.documentElement.dataset.theme
    else document.documentElement.dataset.theme = theme
  }

  keepLanguage(language: Language): void {
    this.language = language
    keep('yz.language', language)
    document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en'
  }
}

export const preferences = new Preferences()
