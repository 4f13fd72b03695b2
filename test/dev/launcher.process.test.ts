import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { Chain } from '../../src/dev/chain.ts'
import type { ChainUrls } from '../../src/dev/chain-env.ts'
import { mainPath, packageFolder } from '../../src/dev/folders.ts'
import { portVariable, randomPorts, type PortName } from '../../src/dev/ports.ts'
import { identify, isAlive } from '../../src/dev/process-identity.ts'
import { exampleSchema, exampleSeed } from '../../src/traffic/example.ts'
import { chainTimeoutMs } from '../support/chain.ts'
import { newTestFolder, removeTestFolder } from '../support/test-folders.ts'

type ChainJson = ChainUrls & { readonly processes: { name: string; pid: number }[] }

let folder: string
let env: Record<string, string>
let launcher: ChildProcess | undefined
let output = ''

beforeAll(async () => {
  folder = newTestFolder()
  const ports = Object.entries(await randomPorts())
  const variables = ports.map(([name, port]) => [portVariable(name as PortName), String(port)])
  env = { PATH: process.env.PATH ?? '', MILLRACE_FOLDER: folder, ...Object.fromEntries(variables) }
})

afterAll(async () => {
  launcher?.kill('SIGKILL')
  await removeTestFolder(folder)
})

test('a busy port that was asked for ends the start and is named', async () => {
  const holder = createServer().listen(0, '127.0.0.1')
  await once(holder, 'listening')
  const { port } = holder.address() as AddressInfo
  const code = await ended(start([], { MILLRACE_PORT_REGISTRY: String(port) }))
  holder.close()
  expect([code, output]).toEqual([1, expect.stringContaining(`port ${port} (MILLRACE_PORT_REG`)])
})

test('a server that can not be started ends the start at once, and nothing is left', async () => {
  const other = newTestFolder()
  const data = join(other, 'data', 'kafka')
  mkdirSync(data, { recursive: true })
  writeFileSync(join(data, 'meta.properties'), '')
  try {
    const code = await ended(start([], { MILLRACE_FOLDER: other }))
    expect([code, output]).toEqual([1, expect.stringContaining(`wrote ${data}`)])
    expect(output).toContain('Delete that folder')
    const { processes } = Chain.attach(other)
    expect(processes.list().filter(({ name }) => processes.isAlive(name))).toEqual([])
  } finally {
    await removeTestFolder(other)
  }
}, 60_000)

test(
  'comes up, refuses a second launcher, and starts again what dies',
  async () => {
    launcher = start()
    await untilSaid('ready after')
    const { api, processes } = chainJson()
    expect(processes.map(({ name }) => name).toSorted()).toEqual(
      ['api', 'connect', 'kafka', 'postgres', 'redis', 'registry', 'worker-1'].toSorted(),
    )
    const answer = await fetch(`${api}/users/9007199254740993`)
    expect(await answer.json()).toMatchObject({ userId: '9007199254740993', username: 'odd' })

    const ready = output
    expect(await ended(start())).toBe(1)
    expect(output).toContain('runs already')
    output = ready

    const before = pidOf('redis')
    process.kill(before, 'SIGKILL')
    await untilSaid('redis ended (SIGKILL); starting it again in 1 s')
    await untilSaid('redis is up again')
    expect(pidOf('redis')).not.toBe(before)
  },
  chainTimeoutMs,
)

test(
  'after a launcher that was killed, ends what it left and keeps the data',
  async () => {
    const left = chainJson().processes.map(({ pid }) => identify(pid))
    await query("insert into users (user_id, username) values (77, 'kept')")
    const end = once(launcher!, 'exit')
    launcher?.kill('SIGKILL')
    await end
    expect(left.filter(isAlive).length).toBe(left.length)

    launcher = start()
    await untilSaid('ready after')
    expect(output).toContain('ending what an earlier start left behind')
    expect(left.filter(isAlive)).toEqual([])
    expect(await query('select username from users where user_id = 77')).toEqual([
      { username: 'kept' },
    ])
  },
  chainTimeoutMs,
)

test(
  'Ctrl-C stops everything in order',
  async () => {
    const running = chainJson().processes.map(({ pid }) => identify(pid))
    const end = ended(launcher!)
    launcher?.kill('SIGINT')
    expect(await end).toBe(0)
    expect(running.filter(isAlive)).toEqual([])
    expect(existsSync(join(folder, 'chain.json'))).toBe(false)
    const stopped = [...output.matchAll(/stopping (\S+)/g)].map(([, name]) => name)
    const order = 'api worker-1 connect registry kafka redis postgres'
    expect(stopped.join(' ')).toBe(order)
  },
  chainTimeoutMs,
)

test(
  'a stop in the middle of a start leaves nothing behind, and --reset takes the data',
  async () => {
    launcher = start(['--reset'])
    await untilSaid('postgres is up')
    expect(await query('select from users where user_id = 77')).toEqual([])
    const running = chainJson().processes.map(({ pid }) => identify(pid))
    const end = ended(launcher)
    launcher.kill('SIGTERM')
    await end
    expect(running.filter(isAlive)).toEqual([])
  },
  chainTimeoutMs,
)

function start(args: readonly string[] = [], changes: Record<string, string> = {}): ChildProcess {
  output = ''
  const init = ['--init', [exampleSchema, exampleSeed].join(',')]
  const child = spawn(process.execPath, ['--no-warnings', mainPath, 'dev', ...init, ...args], {
    cwd: packageFolder,
    env: { ...env, ...changes },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  child.stdout.on('data', (text) => (output += String(text)))
  child.stderr.on('data', (text) => (output += String(text)))
  return child
}

async function ended(child: ChildProcess): Promise<number | null> {
  const [code] = (await once(child, 'close')) as [number | null]
  return code
}

/** Bounded by the test's own time limit. */
async function untilSaid(text: string): Promise<void> {
  while (!output.includes(text)) {
    if (launcher?.exitCode !== null) throw new Error(`the launcher ended: ${output}`)
    await sleep(100)
  }
}

function chainJson(): ChainJson {
  return JSON.parse(readFileSync(join(folder, 'chain.json'), 'utf8')) as ChainJson
}

function pidOf(wanted: string): number {
  return chainJson().processes.find(({ name }) => name === wanted)?.pid ?? 0
}

async function query(sql: string): Promise<unknown[]> {
  const client = new Client(chainJson().source)
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows
  } finally {
    await client.end()
  }
}
