import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import { Client } from 'pg'
import type { Chain } from '../../src/dev/chain.ts'
import { chainPath } from '../../src/dev/chain.ts'
import { chainTimeoutMs, sharedChain } from '../support/chain.ts'

let chain: Chain

beforeAll(async () => {
  chain = await sharedChain()
}, chainTimeoutMs)

test('chain.json says where everything is and which processes run', () => {
  const written = JSON.parse(readFileSync(chainPath(chain.folders), 'utf8')) as unknown
  expect(written).toEqual({ ...chain.urls, processes: chain.processes.list() })
  const names = chain.processes.list().map(({ name }) => name)
  expect(names.toSorted()).toEqual(
    ['api', 'connect', 'kafka', 'postgres', 'redis', 'registry', 'worker-1'].toSorted(),
  )
})

test('data, logs and settings are closed to other users of the machine', () => {
  const modeOf = (path: string) => statSync(path).mode & 0o777
  const { data, logs, settings } = chain.folders
  // The user that Postgres runs as may pass through the folder of all data.
  expect([0o700, 0o710]).toContain(modeOf(data))
  const below = readdirSync(data).map((name) => join(data, name))
  const folders = [...below.filter((path) => statSync(path).isDirectory()), logs, settings]
  expect(folders.length).toBeGreaterThan(5)
  expect(folders.filter((path) => modeOf(path) !== 0o700)).toEqual([])
  const files = below.filter((path) => statSync(path).isFile())
  expect(files.filter((path) => modeOf(path) !== 0o600)).toEqual([])
})

test('nothing listens beyond this machine', () => {
  const listening = chain.processes.list().map(({ name, pid }) => [name, addressesOf(pid)] as const)
  const servers = listening.filter(([, addresses]) => addresses.length > 0)
  expect(servers.map(([name]) => name).toSorted()).toEqual(
    ['api', 'connect', 'kafka', 'postgres', 'redis', 'registry'].toSorted(),
  )
  const loopback = ['0100007F', '0000000000000000FFFF00000100007F']
  const open = servers.filter(([, addresses]) => addresses.some((at) => !loopback.includes(at)))
  expect(open).toEqual([])
})

test('what no view needs of a row is in no topic', async () => {
  const [tweet, secret] = [990_001, 'known to the tweet alone']
  const source = new Client(chain.urls.source)
  const kafka = new Kafka({ brokers: [chain.urls.kafka], logLevel: logLevel.NOTHING })
  const topic = `${chain.env.MILLRACE_CONNECTOR}.public.tweets`
  const consumer = kafka.consumer({ groupId: `look-${Date.now()}` })
  await source.connect()
  try {
    await source.query(`insert into users (user_id, username) values (990001, 'quiet')`)
    await source.query('insert into tweets (tweet_id, user_id, text) values ($1, 990001, $2)', [
      tweet,
      secret,
    ])
    await source.query('delete from users where user_id = 990001')
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: true })
    const values: string[] = []
    // The delete of a row ends with a record that has a key and no value.
    await new Promise<void>((done) => {
      void consumer.run({
        eachMessage: ({ message }) => {
          if (message.value) values.push(message.value.toString('latin1'))
          else if (message.key?.includes(longBytes(tweet))) done()
          return Promise.resolve()
        },
      })
    })
    expect(values.length).toBeGreaterThan(1)
    expect(values.filter((value) => value.includes(secret))).toEqual([])
  } finally {
    await source.end()
    await consumer.disconnect()
  }
}, 60_000)

test.each(['postgres', 'kafka', 'registry', 'connect', 'redis'])(
  'the pid of %s is the server itself: killed, it answers no more; started again, it does',
  async (name) => {
    const before = chain.processes.list().find((process) => process.name === name)
    await chain.kill(name)
    expect(chain.processes.isAlive(name)).toBe(false)
    await chain.start(name)
    const after = chain.processes.list().find((process) => process.name === name)
    expect(after?.pid).not.toBe(before?.pid)
  },
  chainTimeoutMs,
)

/** As Avro writes a long: seven bits a byte, the lowest first, signs folded in. */
function longBytes(value: number): Buffer {
  const bytes: number[] = []
  let rest = BigInt(value) * 2n
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128)
  return Buffer.from([...bytes, Number(rest)])
}

/** Addresses at which a process listens, in hexadecimal as the kernel shows them. */
function addressesOf(pid: number): string[] {
  const sockets = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? []
      } catch {
        return []
      }
    }),
  )
  const listens = '0A'
  return ['tcp', 'tcp6'].flatMap((table) => {
    const lines = readFileSync(`/proc/${pid}/net/${table}`, 'utf8').split('\n').slice(1)
    return lines.flatMap((line) => {
      const [, address = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/)
      return state === listens && sockets.has(inode) ? [address.split(':')[0]!] : []
    })
  })
}
