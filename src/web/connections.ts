import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Knows which connections have a request under way. Node's own closing waits for those that never
 * sent one, as browsers open ahead, and lets go of none that were answered while it closes.
 */
export class Connections {
  readonly #requests = new Map<Socket, number>()
  #closing = false

  constructor(server: Server) {
    server.on('connection', (socket: Socket) => {
      this.#requests.set(socket, 0)
      socket.once('close', () => this.#requests.delete(socket))
    })
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      const { socket } = request
      this.#count(socket, 1)
      response.once('close', () => {
        this.#count(socket, -1)
        if (this.#closing && this.#requests.get(socket) === 0) socket.destroySoon()
      })
    })
  }

  /** Ends those that wait for nothing, now, and each other one after its answer. */
  drain(): void {
    this.#closing = true
    for (const [socket, requests] of this.#requests) if (requests === 0) socket.destroySoon()
  }

  #count(socket: Socket, change: number): void {
    const requests = this.#requests.get(socket)
    if (requests !== undefined) this.#requests.set(socket, requests + change)
  }
}
