import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { tailLog } from '../../src/dev/log-tail.ts'

const everyMs = 10
let folder: string
let said: string[]
let stop: AbortController
let tail: Promise<void>
let path: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-tail-'))
  path = join(folder, 'worker-1.log')
  writeFileSync(path, '{"level":"error","msg":"of an earlier start"}\n')
  said = []
  stop = new AbortController()
  const say = (line: string) => void said.push(line)
  tail = tailLog({ name: 'worker-1', path, say, signal: stop.signal, everyMs })
})

afterEach(async () => {
  stop.abort()
  await tail
  rmSync(folder, { recursive: true })
})

test('shows what is warned of from now on with its reason, and no more', async () => {
  appendFileSync(path, '{"level":"info","msg":"fine"}\n')
  appendFileSync(path, '{"level":"warn","msg":"slow","reason":"Redis is busy"}\n')
  await untilSaid(1)
  expect(said).toEqual(['worker-1: warn: slow: Redis is busy'])
})

test('waits for the rest of a line', async () => {
  appendFileSync(path, '{"level":"error","msg":"Redis is ')
  await sleep(5 * everyMs)
  appendFileSync(path, 'away","err":{"message":"ECONNREFUSED"}}\n')
  await untilSaid(1)
  expect(said).toEqual(['worker-1: error: Redis is away: ECONNREFUSED'])
})

test('shows a crash without its stack', async () => {
  appendFileSync(path, 'TypeError: x is not a function\n    at main (main.ts:1:1)\n')
  await untilSaid(1)
  expect(said).toEqual(['worker-1: TypeError: x is not a function'])
})

test('says how many more there are', async () => {
  const lines = Array.from({ length: 12 }, (_, n) => `{"level":"warn","msg":"no ${n}"}\n`)
  appendFileSync(path, lines.join(''))
  await untilSaid(6)
  expect(said.at(-1)).toBe(`worker-1: and 7 more in ${path}`)
})

test('does not repeat itself', async () => {
  appendFileSync(path, '{"level":"warn","msg":"Redis is away"}\n'.repeat(12))
  appendFileSync(path, '{"level":"warn","msg":"Redis is back"}\n')
  await untilSaid(2)
  expect(said).toEqual(['worker-1: warn: Redis is away', 'worker-1: warn: Redis is back'])
})

async function untilSaid(lines: number): Promise<void> {
  for (let tries = 0; tries < 300 && said.length < lines; tries++) await sleep(everyMs)
}
