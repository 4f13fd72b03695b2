import { connect, type Socket } from 'node:net'
import { MillraceError } from '../errors.ts'

export type Answer = { readonly status: number; readonly body: string }

/**
 * GET over one kept connection, one request at a time, with next to no work of its own: on a machine
 * that load and server share, a client that is busy measures itself.
 */
export class RawClient {
  readonly #host: string
  readonly #socket: Socket
  #received: Buffer = Buffer.alloc(0)
  #waiting: { resolve: (answer: Answer) => void; reject: (error: Error) => void } | undefined

  private constructor(host: string, socket: Socket) {
    this.#host = host
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('data', (part) => this.#take(part))
    socket.on('error', (error) => this.#fail(error))
    socket.on('close', () => this.#fail(new Error('the API closed the connection')))
  }

  static open(api: string): Promise<RawClient> {
    const { hostname, port, host } = new URL(api)
    return new Promise((resolve, reject) => {
      const socket = connect({ host: hostname, port: Number(port || 80) })
      socket.once('error', reject)
      socket.once('connect', () => resolve(new RawClient(host, socket)))
    })
  }

  get(path: string): Promise<Answer> {
    if (this.#waiting) throw new Error('one request at a time')
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
      this.#socket.write(`GET ${path} HTTP/1.1\r\nHost: ${this.#host}\r\n\r\n`)
    })
  }

  close(): void {
    this.#waiting = undefined
    this.#socket.destroy()
  }

  #take(part: Buffer): void {
    this.#received = this.#received.length === 0 ? part : Buffer.concat([this.#received, part])
    const headEnd = this.#received.indexOf('\r\n\r\n')
    if (headEnd < 0) return
    const head = this.#received.toString('latin1', 0, headEnd)
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0)
    const end = headEnd + 4 + length
    if (this.#received.length < end) return
    const body = this.#received.toString('utf8', headEnd + 4, end)
    this.#received = this.#received.subarray(end)
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.resolve({ status: Number(head.slice(9, 12)), body })
  }

  #fail(cause: Error): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.reject(new MillraceError('api-away', 'the API did not answer', { cause }))
  }
}
