import { readFileSync } from 'node:fs'
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
