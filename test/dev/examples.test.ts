import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { exampleNamed } from '../../src/dev/examples.ts'
import { packageFolder } from '../../src/dev/folders.ts'
import { MillraceError } from '../../src/errors.ts'
import { loadProject } from '../../src/project/project.ts'

const folder = join(packageFolder, 'examples')
const names = readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
  entry.isDirectory() ? [entry.name] : [],
)

test('an example that is not there is refused, with the names of those that are', () => {
  const error = (() => {
    try {
      return exampleNamed('../examples/social')
    } catch (thrown) {
      return thrown as MillraceError
    }
  })()
  expect(error).toMatchObject({ code: 'arguments', hint: `There are ${names.join(', ')}.` })
})

describe.each(names)('%s', (name) => {
  const example = exampleNamed(name)

  test('has what its database begins with, and a README', () => {
    const readme = join(folder, name, 'README.md')
    expect([...example.init, readme].filter((path) => !existsSync(path))).toEqual([])
  })

  test('has a configuration of at most 60 lines, which imports the package by its name', () => {
    const text = readFileSync(example.config, 'utf8')
    expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(60)
    expect(text).toMatch(/from 'millrace'/)
    expect(text).not.toContain('../../src')
  })

  test('declares views that every command can read', async () => {
    const project = await loadProject({ folder: packageFolder, env: {}, path: example.config })
    expect(project.views.length).toBeGreaterThan(0)
  })

  test('keeps its chain apart from those of others', () => {
    const folders = names.map((each) => resolve(exampleNamed(each).folder))
    expect(new Set([...folders, resolve('.millrace')]).size).toBe(names.length + 1)
  })
})
