import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import type { Plugin } from 'vite'

const kTexts = /\.(js|css|html|svg|json)$/
const kWorthIt = 512

/** Writes `file.br` and `file.gz` beside every text of the build, so that the server never compresses. */
export function compressed(): Plugin {
  let folder = ''
  return {
    name: 'compressed',
    apply: 'build',
    configResolved(config) {
      folder = config.build.outDir
    },
    async closeBundle() {
      for (const entry of await readdir(folder, { recursive: true })) {
        if (!kTexts.test(entry)) continue
        const path = join(folder, entry)
        const text = await readFile(path)
        if (text.length < kWorthIt) continue
        const brotli = { params: { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY } }
        await writeFile(`${path}.br`, brotliCompressSync(text, brotli))
        await writeFile(`${path}.gz`, gzipSync(text, { level: 9 }))
      }
    },
  }
}
