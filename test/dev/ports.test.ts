import { once } from 'node:events'
import { createServer, type AddressInfo, type Server } from 'node:net'
import {
  choosePorts,
  givenPorts,
  portNames,
  portVariable,
  randomPorts,
} from '../../src/dev/ports.ts'

let holder: Server
let busy: number

beforeEach(async () => {
  holder = createServer().listen(0, '127.0.0.1')
  await once(holder, 'listening')
  busy = (holder.address() as AddressInfo).port
})

afterEach(() => new Promise((closed) => holder.close(closed)))

test('a busy port that was asked for is named, with what has asked for it', async () => {
  const byVariable = givenPorts({ MILLRACE_PORT_REDIS: String(busy) })
  await expect(choosePorts(byVariable, {})).rejects.toMatchObject({
    code: 'port-busy',
    message: expect.stringContaining(`port ${busy} (MILLRACE_PORT_REDIS)`) as string,
  })
  const byFile = { redis: { port: busy, where: 'stores.redis' } }
  await expect(choosePorts(byFile, {})).rejects.toThrow(`port ${busy} (stores.redis) is in use`)
})

test.each(['0', '65536', 'x', '1.5'])('%s is not a port', (text) => {
  expect(() => givenPorts({ MILLRACE_PORT_API: text })).toThrow('MILLRACE_PORT_API')
})

test('a free port that was asked for is taken', async () => {
  const { api } = await randomPorts()
  const asked = givenPorts({ MILLRACE_PORT_API: String(api) })
  expect(await choosePorts(asked, {})).toMatchObject({ api })
})

test('the port of the last start is taken again, unless it is busy now', async () => {
  const { kafka } = await randomPorts()
  const ports = await choosePorts({}, { kafka, redis: busy })
  expect(ports.kafka).toBe(kafka)
  expect(ports.redis).not.toBe(busy)
})

test('no two servers get the same port', async () => {
  const { api } = await randomPorts()
  const ports = await choosePorts({}, { postgres: api, kafka: api })
  expect(new Set(Object.values(ports)).size).toBe(portNames.length)
})

test('a variable is named as the environment has it', () => {
  expect(portVariable('kafkaController')).toBe('MILLRACE_PORT_KAFKA_CONTROLLER')
})
