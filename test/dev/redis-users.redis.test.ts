import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { parse } from 'yaml'
import { packageFolder } from '../../src/dev/folders.ts'
import { redisServerPath } from '../../src/dev/packages.ts'
import { randomPorts } from '../../src/dev/ports.ts'
import { silent } from '../../src/dev/say.ts'
import { redisAnswers, setUpRedis } from '../../src/dev/servers/redis.ts'
import { waitFor } from '../../src/dev/wait.ts'
import { redisServer, type TestServer } from '../support/chain.ts'

const views = ['user-information']
const entry = 'user-information:1'
const other = 'user-information:2'
const written = { 'user-id': '2', name: 'Ada' }
/** Kept in Redis's file as the effects of a script are. */
const inOneStep = [
  ['multi'],
  ['hset', other, 'user-id', '2'],
  ['hset', other, 'name', 'Ada'],
  ['exec'],
]

/** What Redis answers to each command, an error as its first word. */
async function answers(url: string, ...commands: readonly string[][]): Promise<unknown[]> {
  const redis = new Redis(url, {
    lazyConnect: true,
    retryStrategy: () => null,
    protocol: 2,
    enableReadyCheck: false,
  })
  redis.on('error', () => undefined)
  try {
    await redis.connect()
    const all = commands.map(([name = '', ...args]) =>
      redis.call(name, ...args).catch((error: Error) => error.message.split(' ', 1)[0]),
    )
    return await Promise.all(all)
  } catch (error) {
    return [(error as Error).message.split(' ', 1)[0]]
  } finally {
    redis.disconnect()
  }
}

function withoutPassword(url: string): string {
  return `redis://${new URL(url).host}`
}

describe('the launcher’s Redis', () => {
  let server: TestServer
  let env: Readonly<Record<string, string>>

  beforeAll(async () => {
    server = await redisServer()
    env = server.chain.env
  })

  afterAll(() => server?.stop())

  test('lets nobody in without a password', async () => {
    expect(await answers(withoutPassword(server.url), ['get', 'x'])).toEqual(['NOAUTH'])
  })

  test('lets a worker write entries of views, and nothing else', async () => {
    const commands = [['hset', entry, 'user-id', '1'], ['hset', 'other:1', 'a', 'b'], ['flushall']]
    expect(await answers(env.MILLRACE_REDIS ?? '', ...commands)).toEqual([1, 'NOPERM', 'NOPERM'])
  })

  test('lets an API read entries of views, and nothing else', async () => {
    const commands = [
      ['hgetall', entry],
      ['hgetall', 'other:1'],
      ['hset', entry, 'a', 'b'],
    ]
    const found = await answers(env.MILLRACE_REDIS_READER ?? '', ...commands)
    expect(found).toEqual([{ 'user-id': '1' }, 'NOPERM', 'NOPERM'])
  })

  test('has its passwords neither in its arguments nor, but as hashes, in its settings', () => {
    const [{ pid } = { pid: 0 }] = server.chain.processes.list()
    const path = join(server.chain.folders.settings, 'redis.conf')
    const shown = [readFileSync(`/proc/${pid}/cmdline`, 'utf8'), readFileSync(path, 'utf8')]
    for (const name of ['MILLRACE_REDIS', 'MILLRACE_REDIS_READER', 'MILLRACE_REDIS_ADMIN']) {
      const { password } = new URL(env[name] ?? '')
      expect(password.length).toBeGreaterThan(20)
      expect(shown.join()).not.toContain(password)
    }
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  test('has what was written in one step after it was killed and started again', async () => {
    await answers(server.url, ...inOneStep)
    await server.kill()
    await server.start()
    expect(await answers(env.MILLRACE_REDIS_READER ?? '', ['hgetall', other])).toEqual([written])
  })

  test('can be given its users anew, and says that no file keeps them', async () => {
    const { MILLRACE_REDIS: worker = '', MILLRACE_REDIS_READER: reader = '' } = env
    const anew = { worker, reader: reader.replace('@', '-anew@'), views }
    expect(await setUpRedis(server.url, anew)).toBe(false)
    expect(await answers(anew.reader, ['hgetall', entry])).toEqual([{ 'user-id': '1' }])
    await setUpRedis(server.url, { worker, reader, views })
  })
})

describe('the command of the Compose file', () => {
  const password = 'administrator'
  let folder: string
  let port: number
  let redis: ChildProcess | undefined

  const urlOf = (name: string, secret: string) => `redis://${name}:${secret}@127.0.0.1:${port}`

  async function start(): Promise<void> {
    const file = readFileSync(join(packageFolder, 'docker-compose.yml'), 'utf8')
    const { services } = parse(file, { merge: true }) as {
      services: { redis: { command: [string, string, string] } }
    }
    const [shell, flag, script] = services.redis.command
    const here = `${script.replaceAll('$$', '$').replaceAll('/data', folder).trimEnd()} \\
      --port ${port} --bind 127.0.0.1`
    redis = spawn(shell, [flag, here], {
      env: { PATH: process.env.PATH, MILLRACE_ADMIN_PASSWORD: password },
      stdio: 'ignore',
    })
    const what = 'Redis'
    await waitFor(() => redisAnswers(urlOf('millrace-admin', password)), {
      what,
      timeoutMs: 20_000,
    })
  }

  function stop(): Promise<unknown> {
    const ended = new Promise((done) => redis?.once('exit', done))
    redis?.kill('SIGTERM')
    return ended
  }

  beforeAll(async () => {
    await redisServerPath(silent)
    folder = mkdtempSync(join(tmpdir(), 'millrace-compose-'))
    port = (await randomPorts()).redis
    await start()
  }, 60_000)

  afterAll(async () => {
    await stop()
    rmSync(folder, { recursive: true })
  })

  test('lets nobody in without a password', async () => {
    expect(await answers(`redis://127.0.0.1:${port}`, ['get', 'x'])).toEqual(['NOAUTH'])
  })

  test('keeps users, and what they have written, when it starts anew', async () => {
    const worker = urlOf('keeper', 'w0rker')
    const reader = urlOf('looker', 'r3ader')
    const users = { worker, reader, views }
    expect(await setUpRedis(urlOf('millrace-admin', password), users)).toBe(true)
    await stop()
    await start()
    expect(await answers(worker, ['hset', entry, 'user-id', '1'])).toEqual([1])
    expect(await answers(reader, ['hset', entry, 'user-id', '2'])).toEqual(['NOPERM'])
    expect(await answers(reader, ['hgetall', entry])).toEqual([{ 'user-id': '1' }])
    await answers(urlOf('millrace-admin', password), ...inOneStep)
    await stop()
    await start()
    expect(await answers(reader, ['hgetall', other])).toEqual([written])
    expect(await answers(`redis://127.0.0.1:${port}`, ['get', 'x'])).toEqual(['NOAUTH'])
  })
})
