import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { format, resolveConfig } from 'prettier'
import { settingVariables } from '../../src/config.ts'
import { packageFolder } from '../../src/dev/folders.ts'
import { settingsReference } from '../../src/project/reference.ts'

const path = join(packageFolder, 'SETTINGS.md')

test('SETTINGS.md is what the settings say (npm run settings)', async () => {
  const options = await resolveConfig(path)
  const written = await format(settingsReference(), { ...options, parser: 'markdown' })
  expect(readFileSync(path, 'utf8')).toBe(written)
})

test('every variable stands in it once', () => {
  const found = [...settingsReference().matchAll(/^\|[^|]+\| `(MILLRACE_\w+)` \|/gm)]
  expect(found.map(([, name]) => name)).toEqual(settingVariables)
})
