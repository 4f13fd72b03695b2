import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makePrivateFolder } from '../../src/dev/folders.ts'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-folders-'))
})

afterEach(() => rmSync(folder, { recursive: true }))

const modeOf = (path: string) => statSync(path).mode & 0o777

test('a folder is made for its owner alone, and what leads to it stays as it is', () => {
  chmodSync(folder, 0o755)
  makePrivateFolder(join(folder, 'chain', 'data'))
  expect(modeOf(join(folder, 'chain', 'data'))).toBe(0o700)
  expect(modeOf(join(folder, 'chain'))).not.toBe(0o700)
  expect(modeOf(folder)).toBe(0o755)
})

test('one that stands open is closed', () => {
  const data = join(folder, 'data')
  mkdirSync(data, { mode: 0o755 })
  makePrivateFolder(data)
  expect(modeOf(data)).toBe(0o700)
})
