import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkFiles } from '../../src/dev/checksums.ts'
import { packageFolder } from '../../src/dev/folders.ts'
import { versions } from '../../src/dev/versions.ts'

let folder: string
let files: string
let list: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-checksums-'))
  files = join(folder, 'files')
  list = join(folder, 'sha256sums')
  mkdirSync(files)
  const lines = ['a.jar', 'b.jar'].map((name) => {
    writeFileSync(join(files, name), name)
    return `${createHash('sha256').update(name).digest('hex')}  ${name}\n`
  })
  writeFileSync(list, lines.join(''))
})

afterEach(() => rmSync(folder, { recursive: true }))

test('the files of the list are taken', () => {
  expect(() => checkFiles(files, list)).not.toThrow()
})

test.each([
  ['that was changed', () => writeFileSync(join(files, 'b.jar'), 'another')],
  ['that is missing', () => rmSync(join(files, 'b.jar'))],
])('a file %s is named', (_, change) => {
  change()
  expect(() => checkFiles(files, list)).toThrow(/sha256sums lists: b\.jar$/)
})

test('a file that nobody listed is named', () => {
  writeFileSync(join(files, 'c.jar'), 'more')
  expect(() => checkFiles(files, list)).toThrow(/sha256sums lists: c\.jar$/)
})

test.each([
  ['kafka', `kafka_${versions.scala}-${versions.kafka}.jar`],
  ['converter', `apicurio-registry-utils-converter-${versions.apicurio}.jar`],
  ['debezium', `debezium-connector-postgres-${versions.debezium}-plugin.tar.gz`],
  ['registry', `apicurio-registry-app-${versions.apicurio}-all.tar.gz`],
])('the list of %s has the version that is written down', (part, name) => {
  const text = readFileSync(join(packageFolder, 'connectors', part, 'sha256sums'), 'utf8')
  expect(text).toMatch(new RegExp(`^[0-9a-f]{64}  ${name.replaceAll('.', '\\.')}$`, 'm'))
})
