import { setTimeout as sleep } from 'node:timers/promises'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** Which way bytes go: from the client `up` to the server, or `down` to the client. */
export type Direction = 'up' | 'down'

/**
 * A wire with scissors: a TCP proxy on a free port. What it is told counts for the connections
 * that are there and for those that come.
 */
export type TcpProxy = {
  readonly port: number
  /** `url` with this proxy's place instead of the server's. */
  through(url: string): string
  /** Bytes of this direction are thrown away from now on; the connection stays. */
  drop(direction: Direction): void
  /** Every piece of this direction waits for so long. */
  delay(direction: Direction, ms: number): void
  /** The next piece of this direction is thrown away, and its connection cut. */
  cutOnNext(direction: Direction): void
  /** Cuts every connection. */
  cut(): void
  /** Cuts every connection, and each new one at once, until `heal`. */
  refuse(): void
  /** Lets everything pass again. */
  heal(): void
  /** Connections made so far. */
  connections(): number
  stop(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

export async function tcpProxy(url: string): Promise<TcpProxy> {
  const target = new URL(url)
  const wire = new Wire()
  const server = createServer((client) => {
    wire.join(client, connect(Number(target.port), target.hostname))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const stop = async () => {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    wire.cut()
    await closed
  }
  return {
    port,
    through: (given) => {
      const there = new URL(given)
      there.hostname = '127.0.0.1'
      there.port = String(port)
      return there.href
    },
    drop: (direction) => wire.rules[direction].push({ kind: 'drop' }),
    delay: (direction, ms) => wire.rules[direction].push({ kind: 'delay', ms }),
    cutOnNext: (direction) => wire.rules[direction].push({ kind: 'cut' }),
    cut: () => wire.cut(),
    refuse: () => wire.refuse(),
    heal: () => wire.heal(),
    connections: () => wire.connections,
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

type Rule = { readonly kind: 'drop' | 'cut' } | { readonly kind: 'delay'; readonly ms: number }

/** The newest rule of a direction counts. */
class Wire {
  readonly rules: Record<Direction, Rule[]> = { up: [], down: [] }
  connections = 0
  #refusing = false
  readonly #sockets = new Set<Socket>()
  /** The last piece that is still to be written to a socket. */
  readonly #delayed = new Map<Socket, Promise<void>>()

  join(client: Socket, server: Socket): void {
    this.connections++
    this.#pass(client, server, 'up')
    this.#pass(server, client, 'down')
    if (this.#refusing) this.cut()
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  refuse(): void {
    this.#refusing = true
    this.cut()
  }

  heal(): void {
    this.#refusing = false
    this.rules.up = []
    this.rules.down = []
  }

  #pass(from: Socket, to: Socket, direction: Direction): void {
    this.#sockets.add(from)
    from.setNoDelay(true)
    from.on('error', () => to.destroy())
    from.on('close', () => {
      this.#sockets.delete(from)
      to.destroy()
    })
    from.on('data', (piece) => this.#piece(piece, { from, to, direction }))
  }

  /** No piece overtakes one that is delayed: a connection keeps its order. */
  #later(to: Socket, piece: Buffer, ms: number): void {
    const before = this.#delayed.get(to)
    const write = async () => {
      await Promise.all([before, sleep(ms)])
      if (to.writable) to.write(piece)
      if (this.#delayed.get(to) === written) this.#delayed.delete(to)
    }
    const written = write()
    this.#delayed.set(to, written)
  }

  #piece(piece: Buffer, way: { from: Socket; to: Socket; direction: Direction }): void {
    const { from, to, direction } = way
    const rule = this.rules[direction].at(-1)
    switch (rule?.kind) {
      case undefined:
        if (this.#delayed.has(to)) this.#later(to, piece, 0)
        else to.write(piece)
        return
      case 'delay':
        this.#later(to, piece, rule.ms)
        return
      case 'cut':
        this.rules[direction].pop()
        from.destroy()
        to.destroy()
        return
      case 'drop':
    }
  }
}
