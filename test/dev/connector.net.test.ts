import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { connectorSettings, putConnector } from '../../src/dev/connector.ts'

/** As Connect keeps it: new settings leave a stopped connector stopped. */
let state: 'STOPPED' | 'RUNNING'
let asked: string[]
let connect: Server

beforeEach(async () => {
  asked = []
  connect = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`)
    if (request.url?.endsWith('/resume')) state = 'RUNNING'
    const tasks = state === 'RUNNING' ? [{ state }] : []
    response.end(JSON.stringify({ connector: { state }, tasks }))
  })
  await new Promise<void>((done) => connect.listen(0, '127.0.0.1', done))
})

afterEach(() => new Promise((done) => connect.close(done)))

function put(): Promise<void> {
  const { port } = connect.address() as AddressInfo
  const options = { connect: `http://127.0.0.1:${port}`, name: 'millrace', timeoutMs: 5_000 }
  return putConnector(connectorSettings(), options)
}

test('a connector that was stopped goes on once it is set up again', async () => {
  state = 'STOPPED'
  await put()
  expect(asked).toContain('PUT /connectors/millrace/resume')
  expect(state).toBe('RUNNING')
})

test('one that runs is left to run', async () => {
  state = 'RUNNING'
  await put()
  expect(asked).toEqual(['PUT /connectors/millrace/config', 'GET /connectors/millrace/status'])
})
