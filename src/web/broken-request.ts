import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { problemMediaType, problemOf } from './problem.ts'

/**
 * Answers bytes that are no request, or not in time, and ends the connection: there is no knowing
 * where the next request would begin. A client that is gone gets nothing.
 */
export function answerBrokenRequest(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  if (!socket.writable) {
    socket.destroy(error)
    return
  }
  const { status, detail } = meaningOf(error.code)
  const body = JSON.stringify(problemOf({ status, detail, instance: '/' }))
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    `Content-Type: ${problemMediaType}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Cache-Control: no-store',
    'Connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
  // A client that doesn't close in turn is not waited for.
  socket.setTimeout(1_000, () => socket.destroy())
}

function meaningOf(code: string | undefined): { status: number; detail: string } {
  switch (code ?? '') {
    case 'HPE_HEADER_OVERFLOW':
      return { status: 431, detail: 'The headers are larger than this server takes.' }
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return { status: 408, detail: 'The request did not arrive in time.' }
    default:
      return { status: 400, detail: 'The bytes received are not an HTTP request.' }
  }
}
