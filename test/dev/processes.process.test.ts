import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { getPriority, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { identify, isAlive } from '../../src/dev/process-identity.ts'
import { Processes, type ProcessSpec } from '../../src/dev/processes.ts'

let folder: string
let processes: Processes

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-processes-'))
  processes = new Processes(folder)
})

afterEach(async () => {
  for (const { name } of processes.list()) await processes.kill(name)
  rmSync(folder, { recursive: true })
})

function spec(name: string, script: string, changes: Partial<ProcessSpec> = {}): ProcessSpec {
  return {
    name,
    command: '/bin/sh',
    args: ['-c', script],
    env: { PATH: process.env.PATH ?? '' },
    cwd: folder,
    logPath: join(folder, `${name}.log`),
    niceness: 0,
    stopSignal: 'SIGTERM',
    stopTimeoutMs: 300,
    ...changes,
  }
}

const pidOf = (name: string) => processes.list().find((entry) => entry.name === name)?.pid ?? 0

test('the pid is the server’s own, with its priority, in a session of its own', async () => {
  processes.start(spec('low', 'exec sleep 60', { niceness: 5 }))
  const pid = pidOf('low')
  await untilTrue(() => readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sleep\n')
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  expect({ session: Number(fields[3]), niceness: Number(fields[16]) }).toEqual({
    session: pid,
    niceness: getPriority() + 5,
  })
})

test('another object on the same folder kills, and starts again with a new pid', async () => {
  processes.start(spec('one', 'exec sleep 60'))
  const before = pidOf('one')
  const other = new Processes(folder)
  await other.kill('one')
  expect(processes.isAlive('one')).toBe(false)
  other.startAgain('one')
  processes = new Processes(folder)
  expect(processes.isAlive('one')).toBe(true)
  expect(pidOf('one')).not.toBe(before)
})

test('what doesn’t end when asked is killed after its time', async () => {
  processes.start(spec('deaf', 'trap "" TERM; while true; do sleep 0.05; done'))
  await sleep(100)
  await processes.stop('deaf')
  expect(processes.isAlive('deaf')).toBe(false)
})

test('a paused process is stopped like any other', async () => {
  processes.start(spec('paused', 'exec sleep 60', { stopTimeoutMs: 5_000 }))
  processes.pause('paused')
  const startedAtMs = performance.now()
  await processes.stop('paused')
  expect(performance.now() - startedAtMs).toBeLessThan(4_000)
})

test('whoever listens hears of an end and its reason', async () => {
  const heard: string[] = []
  processes.onExit((name, how) => heard.push(`${name}: ${how}`))
  processes.start(spec('brief', 'exit 3'))
  processes.start(spec('victim', 'exec sleep 60'))
  await processes.kill('victim')
  await untilTrue(() => heard.length === 2)
  expect(heard.toSorted()).toEqual(['brief: exit code 3', 'victim: SIGKILL'])
})

test('a program that isn’t there is a named fault', () => {
  expect(() => processes.start(spec('none', '', { command: '/no/such/program' }))).toThrow(
    "none can't be started",
  )
})

test('the list of processes is for its owner alone: it holds passwords', () => {
  processes.start(spec('secret', 'exec sleep 60'))
  expect(statSync(join(folder, 'processes.json')).mode & 0o777).toBe(0o600)
})

test('a pid that went to another process is not the one that was meant', () => {
  processes.start(spec('real', 'exec sleep 60'))
  const identity = identify(pidOf('real'))
  expect(isAlive(identity)).toBe(true)
  expect(isAlive({ ...identity, startTicks: '1' })).toBe(false)
  expect(isAlive({ ...identity, bootId: 'an earlier start of the machine' })).toBe(false)
})

async function untilTrue(condition: () => boolean): Promise<void> {
  for (let tries = 0; tries < 200 && !condition(); tries++) await sleep(20)
  expect(condition()).toBe(true)
}
