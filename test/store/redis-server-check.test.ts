import { inspect } from 'node:util'
import { parseRedisUrl } from '../../src/store/redis/client.ts'
import { judgeServer } from '../../src/store/redis/server-check.ts'

const info = (lines: Readonly<Record<string, string>>) =>
  ['# Server', ...Object.entries(lines).map(([name, value]) => `${name}:${value}`), ''].join('\r\n')
const judged = (redis_version: string, more: Readonly<Record<string, string>> = {}) =>
  judgeServer(info({ redis_version, maxmemory_policy: 'noeviction', ...more }))

describe('a server', () => {
  test.each(['6.2.20', '5.0.14', 'unknown'])('of version %s is not used', (version) => {
    expect(judged(version).unfit).toMatchObject({ code: 'store-old', retriable: false })
  })

  test.each(['7.0.0', '7.2.11', '8.2.2', '10.0.1'])('of version %s is used', (version) => {
    expect(judged(version).unfit).toBeUndefined()
  })

  test.each(['7.0.15', '7.2.10', '7.4.5', '8.0.3', '8.2.1'])(
    'of version %s is used with a warning, which says that its number does not show all',
    (version) => {
      const [warning, ...more] = judged(version).warnings
      expect(more).toEqual([])
      expect(warning?.message).toContain('CVE-2025-49844')
      expect(warning?.message).toContain(version)
      expect(warning?.hint).toContain('7.0.15+deb12u6')
    },
  )

  test.each(['7.2.11', '7.2.12', '7.4.6', '8.0.4', '8.2.2', '8.4.0', '9.0.0', '10.0.0'])(
    'of version %s is used without a warning',
    (version) => {
      expect(judged(version).warnings).toEqual([])
    },
  )

  test.each([
    ['7.2.10', 1],
    ['7.2.11', 0],
    ['8.0.5', 1],
    ['8.1.4', 0],
    ['9.0.0', 0],
  ])('that is Valkey %s is known by its own version', (valkey_version, warnings) => {
    expect(judged('7.2.4', { valkey_version }).warnings).toHaveLength(warnings)
  })

  test.each(['allkeys-lru', 'volatile-ttl', 'allkeys-random'])(
    'with policy %s is read and not written to',
    (maxmemory_policy) => {
      const { unfit, unsafe } = judged('8.4.0', { maxmemory_policy })
      expect(unfit).toBeUndefined()
      expect(unsafe).toMatchObject({ code: 'store-evicts', retriable: true })
      expect(unsafe?.message).toContain(maxmemory_policy)
    },
  )

  test('that is part of a cluster is not used', () => {
    expect(judged('8.4.0', { cluster_enabled: '0' }).unfit).toBeUndefined()
    const refused = { code: 'store-refused', retriable: false }
    expect(judged('8.4.0', { cluster_enabled: '1' }).unfit).toMatchObject(refused)
  })

  test('that does not tell its policy is used with a warning', () => {
    const { unsafe, warnings } = judgeServer(info({ redis_version: '8.4.0' }))
    expect(unsafe).toBeUndefined()
    expect(warnings).toHaveLength(1)
    expect(warnings[0]?.message).toContain('maxmemory-policy')
  })
})

describe('the URL of a Redis', () => {
  test.each([
    ['redis://127.0.0.1:6379', { host: '127.0.0.1', port: 6379, db: 0 }],
    ['redis://cache', { host: 'cache', port: 6379, db: 0 }],
    ['redis://cache:7000/3', { host: 'cache', port: 7000, db: 3 }],
    ['redis://[::1]:6379/', { host: '::1', port: 6379, db: 0 }],
    ['rediss://cache', { host: 'cache', port: 6379, db: 0, tls: {} }],
    ['redis://:secret@cache', { host: 'cache', port: 6379, db: 0, password: 'secret' }],
    [
      'redis://w%40rker:p%40s%2Fs%23w%25rd%3F%3A@cache',
      { host: 'cache', port: 6379, db: 0, username: 'w@rker', password: 'p@s/s#w%rd?:' },
    ],
  ])('%s is read', (url, expected) => {
    expect(parseRedisUrl(url)).toEqual(expected)
  })

  test.each([
    'redis://user:12345/secret@cache:6379',
    'redis://user:12345#secret@cache:6379',
    'redis://user:12345?secret@cache:6379',
    'redis://user:sec%ret@cache:6379',
    'redis://:secret@',
    'https://user:secret@cache:6379',
    'user:secret@cache:6379',
    'redis://user:secret@cache:port',
    'redis://user:secret@cache/zero',
    '',
  ])('%s is refused without being shown', (url) => {
    let error: unknown
    try {
      parseRedisUrl(url)
    } catch (thrown) {
      error = thrown
    }
    expect(error).toMatchObject({ code: 'config', hint: expect.stringContaining('%23') })
    expect(inspect(error, { depth: 9, showHidden: true })).not.toMatch(/secret|12345|sec%ret/)
  })
})
