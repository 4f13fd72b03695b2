import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { SourceDatabase } from '../../src/source/source-database.ts'

/** Lets everybody in, as Postgres says it, and never answers a statement: a server that hangs. */
const welcome = Buffer.from('5200000008000000005a0000000549', 'hex')
const sockets = new Set<Socket>()
let server: Server

beforeEach(async () => {
  server = createServer((socket) => {
    sockets.add(socket)
    socket.once('data', () => socket.write(welcome))
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
})

afterEach(async () => {
  for (const socket of sockets) socket.destroy()
  await new Promise((done) => server.close(done))
})

test('a source that hangs is away after the bound of a call', async () => {
  const { port } = server.address() as AddressInfo
  const url = `postgres://millrace@127.0.0.1:${port}/millrace`
  const source = new SourceDatabase({ url, callTimeoutMs: 300 })
  await expect(source.mark()).rejects.toMatchObject({ code: 'source-unavailable', retriable: true })
  await source.close()
}, 5_000)
