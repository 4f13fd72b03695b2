import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { untilRunning } from '../../src/source/connector-setup.ts'

/** As Connect keeps it: new settings leave a stopped connector stopped. */
let state: 'STOPPED' | 'RUNNING' | 'FAILED'
/** How often a restart leaves the task failed. */
let failures: number
let asked: string[]
let connect: Server

beforeEach(async () => {
  asked = []
  failures = 0
  connect = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`)
    if (request.url?.endsWith('/resume')) state = 'RUNNING'
    if (request.url?.includes('/restart') && failures-- <= 0) state = 'RUNNING'
    const task = { state, trace: 'org.Wrapper: at all\nCaused by: the slot is gone\n  at x' }
    const connector = { state: state === 'FAILED' ? 'RUNNING' : state }
    response.end(JSON.stringify({ connector, tasks: state === 'STOPPED' ? [] : [task] }))
  })
  await new Promise<void>((done) => connect.listen(0, '127.0.0.1', done))
})

afterEach(() => new Promise((done) => connect.close(done)))

function wait(resumes = true): Promise<void> {
  const { port } = connect.address() as AddressInfo
  const url = `http://127.0.0.1:${port}`
  return untilRunning(
    { connect: url, name: 'shop 1', callTimeoutMs: 2_000 },
    { timeoutMs: 5_000, resumes },
  )
}

test('a connector that was stopped goes on', async () => {
  state = 'STOPPED'
  await wait()
  expect(asked).toContain('PUT /connectors/shop%201/resume')
  expect(state).toBe('RUNNING')
})

test('one that somebody has stopped is left so where it shall not go on', async () => {
  state = 'STOPPED'
  await wait(false)
  expect(asked).toEqual(['GET /connectors/shop%201/status'])
})

test('one that runs is left to run', async () => {
  state = 'RUNNING'
  await wait()
  expect(asked).toEqual(['GET /connectors/shop%201/status'])
})

test('a task that has failed is started again once', async () => {
  state = 'FAILED'
  await wait()
  expect(state).toBe('RUNNING')
})

test('one that fails again is an error that tells its cause', async () => {
  state = 'FAILED'
  failures = 9
  await expect(wait()).rejects.toThrow('does not run: the slot is gone')
  expect(asked.filter((call) => call.includes('/restart'))).toHaveLength(1)
})
