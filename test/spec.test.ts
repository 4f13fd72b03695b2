import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const spec = read('src/SPEC.md')
const named = [...spec.matchAll(/^- `([^`]+)` (.+)$/gm)].map(([, file, title]) => ({
  file: file!,
  title: title!,
}))

test('every test that the specification names is there', () => {
  expect(named.length).toBeGreaterThan(20)
  const missing = named.filter(({ file, title }) => !titlesOf(file).includes(title))
  expect(missing).toEqual([])
})

test('every fault test is named in the specification', () => {
  const files = readdirSync(join(root, 'test/faults')).map((name) => `test/faults/${name}`)
  const titles = files.flatMap((file) => titlesOf(file).map((title) => ({ file, title })))
  const unnamed = titles.filter(
    ({ file, title }) => !named.some((it) => it.file === file && it.title === title),
  )
  expect(unnamed).toEqual([])
})

test('every guarantee has a test, and its number once', () => {
  const numbers = [...spec.matchAll(/^\*\*G(\d+)\./gm)].map(([, number]) => Number(number))
  expect(numbers).toEqual(numbers.map((_, index) => index + 1))
  const sections = spec.split(/^\*\*G\d+\./m).slice(1)
  expect(sections.filter((section) => !/^- `/m.test(section))).toEqual([])
})

/** Titles of the tests in a file, as they stand in its source. */
function titlesOf(file: string): readonly string[] {
  const calls = read(file).matchAll(
    /\b(?:test|it)(?:\.each(?:<[^>]*>)?\([^]*?\))?\(\s*(['"`])([^\n]*?)\1/g,
  )
  return Array.from(calls, ([, , title]) => title!)
}
