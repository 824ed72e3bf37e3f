// Prints the tests of a checkout of http-tests/cache-tests as JSON. Usage: node suite_tests.mjs SUITE_FOLDER
import path from 'node:path'

const suites = (await import(path.resolve(process.argv[2], 'tests/index.mjs'))).default
console.log(JSON.stringify(suites.flatMap(suite => suite.tests.map(test => ({
  id: test.id, group: suite.id, name: test.name, kind: test.kind ?? 'required', depends_on: test.depends_on ?? [],
  browser_only: test.browser_only === true
})))))
