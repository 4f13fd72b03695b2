import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { kafkaServer, type TestServer } from './chain.ts'

const fetchKey = 1

/** A broker that every client reaches through a proxy, which counts and cuts. */
export class KafkaProxy {
  readonly url: string
  /** Connections made so far. */
  made = 0
  /** Fetches asked for so far. */
  fetches = 0
  /** True: whoever asks for a fetch loses the connection instead of getting an answer. */
  cutsFetches = false
  readonly #listener: Server
  readonly #clients = new Set<Socket>()
  #silenced = new Set<Socket>()
  #server: TestServer | undefined

  private constructor(listener: Server) {
    this.#listener = listener
    this.url = `127.0.0.1:${(listener.address() as AddressInfo).port}`
    listener.on('connection', (client: Socket) => this.#join(client))
  }

  static async start(): Promise<KafkaProxy> {
    const listener = createServer().listen(0, '127.0.0.1')
    await once(listener, 'listening')
    const proxy = new KafkaProxy(listener)
    const settings = { 'advertised.listeners': `PLAINTEXT://${proxy.url}` }
    proxy.#server = await kafkaServer({ settings })
    return proxy
  }

  /** Connections that are open now. */
  get open(): number {
    return this.#clients.size
  }

  /** Ends the connections that are open now. */
  cut(): void {
    for (const client of this.#clients) client.destroy()
  }

  /** Nothing is answered any more on the connections that are open now; they stay open. */
  silence(): void {
    this.#silenced = new Set(this.#clients)
  }

  async stop(): Promise<void> {
    this.cut()
    this.#listener.close()
    await this.#server?.stop()
  }

  #join(client: Socket): void {
    const [host, port] = (this.#server?.url ?? '').split(':')
    const broker = connect(Number(port), host)
    this.made += 1
    this.#clients.add(client)
    client.on('close', () => {
      this.#clients.delete(client)
      broker.destroy()
    })
    client.on('error', () => undefined)
    broker.on('error', () => undefined)
    broker.on('close', () => client.destroy())
    broker.on('data', (piece) => this.#silenced.has(client) || client.write(piece))
    client.on('data', (piece) => {
      // Requests of these tests are small, so that each comes in one piece: its size, its key.
      const isFetch = piece.length > 6 && piece.readInt16BE(4) === fetchKey
      if (isFetch) this.fetches += 1
      if (isFetch && this.cutsFetches) client.destroy()
      else broker.write(piece)
    })
  }
}
