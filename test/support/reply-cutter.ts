import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

export type ReplyCutter = {
  /** The server's URL through this proxy. */
  readonly url: string
  /** Replies thrown away so far. */
  cuts(): number
  /** Cuts no more. */
  heal(): void
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * A TCP proxy that loses replies after the server has done its work: of the requests that hold the
 * text `of`, every `every`th is answered by a closed connection.
 */
export async function replyCutter(
  target: string,
  { of, every }: { readonly of: string; readonly every: number },
): Promise<ReplyCutter> {
  const { hostname, port } = new URL(target)
  const sockets = new Set<Socket>()
  let [asked, cuts, healed] = [0, 0, false]
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname)
    let isDue = false
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from)
      from.setNoDelay(true)
      from.on('error', () => to.destroy())
      from.on('close', () => {
        sockets.delete(from)
        to.destroy()
      })
    }
    client.on('data', (piece) => {
      if (!healed && piece.includes(of)) isDue ||= ++asked % every === 0
      upstream.write(piece)
    })
    upstream.on('data', (piece) => {
      if (!isDue) {
        client.write(piece)
        return
      }
      cuts += 1
      client.destroy()
      upstream.destroy()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cuts: () => cuts,
    heal: () => {
      healed = true
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}
