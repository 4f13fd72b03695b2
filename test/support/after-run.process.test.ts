import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { identify, isAlive } from '../../src/dev/process-identity.ts'
import { until } from './wait.ts'

const folder = import.meta.dirname
const [identity, folders, files] = ['process-identity', 'folders', 'small-files'].map((name) =>
  JSON.stringify(join(folder, '..', '..', 'src', 'dev', `${name}.ts`)),
)
/** A worker that keeps a Redis and what passes for a launcher, and says where and which they are. */
const worker = `
  import { spawn } from 'node:child_process'
  const { identify } = await import(${identity})
  const { lockPath } = await import(${folders})
  const { writeFile } = await import(${files})
  const { redisServer } = await import(${JSON.stringify(join(folder, 'chain.ts'))})
  const { chain } = await redisServer()
  const [{ pid }] = chain.processes.list()
  const folder = chain.folders.chain
  const { pid: launcher } = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' })
  writeFile(lockPath(folder), identify(launcher))
  process.stdout.write(JSON.stringify({ folder, pid, launcher }) + '\\n')
  setInterval(() => undefined, 1000)
`
/** A run, which ends without a word to its worker. */
const run = `
  import { spawn } from 'node:child_process'
  const { identify } = await import(${identity})
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

test('a run that is killed leaves no worker, launcher, server or folder', async () => {
  const killed = start(['--input-type=module', '-e', run])
  const said = await saidBy(killed, 2)
  const left = [said.worker, said.pid, said.launcher].map(identify)
  const after = start([join(folder, 'after-run.ts'), String(killed.pid)])
  expect(left.map(isAlive)).toEqual([true, true, true])
  killed.kill('SIGKILL')
  await once(after, 'exit')
  // Whoever starts servers beside this test removes orphans as well, and may have come first.
  await until('the folder is gone', () => !existsSync(said.folder))
  expect(left.map(isAlive)).toEqual([false, false, false])
})

function start(args: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, ['--no-warnings', ...args])
  started.push(child)
  return child
}

type Said = {
  readonly worker: number
  readonly folder: string
  readonly pid: number
  readonly launcher: number
}

/** What so many lines of a process say together. */
async function saidBy(child: ChildProcess, lines: number): Promise<Said> {
  let text = ''
  child.stdout!.on('data', (bytes: Buffer) => (text += bytes.toString()))
  await until('it has said all', () => text.split('\n').length > lines)
  const all = text.trim().split('\n')
  return Object.assign({}, ...all.map((line) => JSON.parse(line) as object)) as Said
}
