import { start } from '$shared/start'
import App from './App.svelte'

void start(App, '/portal/', { en: () => import('./i18n/en'), zh: () => import('./i18n/zh') })
