import { readConfig } from '../../src/config.ts'
import { runParked } from '../../src/roles/parked.ts'
import type { ViewStore } from '../../src/store/store.ts'
import { userInformation } from '../../examples/social/user-information.ts'
import { redisHarness, type RedisHarness } from '../store/redis-harness.ts'
import { serving, storeForEachTest } from '../store/store-fixture.ts'

let harness: RedisHarness
let store: ViewStore
storeForEachTest(redisHarness, (...parts) => {
  ;[harness, store] = parts
})

/** What the command prints. */
async function printed(values: Parameters<typeof runParked>[0]['values']): Promise<string> {
  const config = readConfig({ MILLRACE_REDIS: harness.server.url, MILLRACE_LOG_LEVEL: 'fatal' })
  const project = { config, views: [userInformation], path: undefined }
  const { write } = process.stdout
  const lines: string[] = []
  process.stdout.write = (text: unknown) => lines.push(String(text)) > 0
  try {
    const given = { values, positionals: [] } as unknown as Parameters<typeof runParked>[0]
    expect(await runParked(given, project, new AbortController().signal)).toBe(0)
  } finally {
    process.stdout.write = write
  }
  return lines.join('')
}

const none = { bytes: false, clear: false, json: false, view: undefined, store: undefined }

test('what was moved aside is listed with its place and time, until somebody deletes it', async () => {
  const epoch = await serving(store)
  expect(await printed(none)).toBe('0 records parked\n')
  await harness.redis.set('user-information:1', 'by hand')
  const place = await store.writer(userInformation.layout).displace(epoch, '1')
  const at = new Date(Number(place!.split(':').at(-1))).toISOString()
  expect(await printed(none)).toBe(
    `0 records parked\n${place} (${at}): stood where entry 1 should\n` +
      '1 moved aside. Nothing reads them: DEL of redis-cli deletes those that are of no use.\n',
  )
  const displaced = [{ place, entry: '1', at }]
  expect(JSON.parse(await printed({ ...none, json: true }))).toMatchObject({
    views: [{ parked: 0, displaced }],
  })
  await harness.redis.del(place!)
  expect(await printed(none)).toBe('0 records parked\n')
})
