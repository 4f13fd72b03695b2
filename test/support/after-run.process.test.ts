import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { identify, isAlive } from '../../src/dev/process-identity.ts'
import { until } from './wait.ts'

const folder = import.meta.dirname
/** A worker that keeps a Redis, with the identity of its run, and says where and which. */
const worker = `
  const { redisServer } = await import(${JSON.stringify(join(folder, 'chain.ts'))})
  const { chain } = await redisServer()
  const [{ pid }] = chain.processes.list()
  process.stdout.write(JSON.stringify({ folder: chain.folders.chain, pid }) + '\\n')
  setInterval(() => undefined, 1000)
`
/** A run, which ends without a word to its worker. */
const run = `
  import { spawn } from 'node:child_process'
  const { identify } = await import(${JSON.stringify(join(folder, '../../src/dev/process-identity.ts'))})
  const env = { ...process.env, MILLRACE_TEST_RUN: JSON.stringify(identify(process.pid)) }
  const args = ['--no-warnings', '--input-type=module', '-e', ${JSON.stringify(worker)}]
  const { pid } = spawn(process.execPath, args, { env, stdio: 'inherit', detached: true })
  process.stdout.write(JSON.stringify({ worker: pid }) + '\\n')
  setInterval(() => undefined, 1000)
`

const started: ChildProcess[] = []

afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL')
})

test('a run that is killed leaves neither workers nor servers nor folders', async () => {
  const killed = start(['--input-type=module', '-e', run])
  const said = await saidBy(killed, 2)
  const left = [said.worker, said.pid].map(identify)
  const after = start([join(folder, 'after-run.ts'), String(killed.pid)])
  expect(left.map(isAlive)).toEqual([true, true])
  killed.kill('SIGKILL')
  await once(after, 'exit')
  // Whoever starts servers beside this test removes orphans as well, and may have come first.
  await until('the folder is gone', () => !existsSync(said.folder))
  expect(left.map(isAlive)).toEqual([false, false])
})

function start(args: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, ['--no-warnings', ...args])
  started.push(child)
  return child
}

type Said = { readonly worker: number; readonly folder: string; readonly pid: number }

/** What so many lines of a process say together. */
async function saidBy(child: ChildProcess, lines: number): Promise<Said> {
  let text = ''
  child.stdout!.on('data', (bytes: Buffer) => (text += bytes.toString()))
  await until('it has said all', () => text.split('\n').length > lines)
  const all = text.trim().split('\n')
  return Object.assign({}, ...all.map((line) => JSON.parse(line) as object)) as Said
}
