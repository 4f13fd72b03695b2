import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { unavailableValue } from '../../src/change.ts'
import { describe as sentence } from '../../src/errors.ts'
import { parseLsn } from '../../src/position.ts'
import { Connector } from '../../src/source/connector.ts'

let server: Server
let answer: { readonly status?: number; readonly body: string } | undefined
let asked: IncomingMessage | undefined

beforeEach(async () => {
  asked = undefined
  answer = { body: '{"offsets":[]}' }
  server = createServer((request, response) => {
    asked = request
    // Without an answer it hangs.
    if (answer) response.writeHead(answer.status ?? 200).end(answer.body)
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
})

afterEach(async () => {
  server.closeAllConnections()
  await new Promise((done) => server.close(done))
})

function connector(user = ''): Connector {
  const { port } = server.address() as AddressInfo
  const connect = `http://${user}127.0.0.1:${port}`
  return new Connector({ connect, name: 'millrace', callTimeoutMs: 300 })
}

/** As Connect writes it; the offset is given as text, for its numbers may be of 64 bits. */
function offsets(offset: string): string {
  return `{"offsets":[{"partition":{"server":"millrace"},"offset":${offset}}]}`
}

const lsnBeyondDoubles = 9_007_199_254_740_993n

describe('what Connect has committed', () => {
  test.each([
    ['nothing, of a connector that has not begun', '{"offsets":[]}', undefined, false],
    ['nothing, of an offset that was removed', offsets('null'), undefined, false],
    [
      'a snapshot under way',
      offsets(
        `{"last_snapshot_record":false,"lsn":${lsnBeyondDoubles},"txId":751,
          "ts_usec":1795262400000000,"snapshot":"INITIAL","snapshot_completed":false}`,
      ),
      undefined,
      true,
    ],
    [
      'a snapshot, and no transaction since',
      offsets(`{"lsn":${lsnBeyondDoubles},"txId":751,"ts_usec":1795262400000000}`),
      undefined,
      false,
    ],
    [
      'a transaction',
      offsets(
        `{"lsn_proc":${lsnBeyondDoubles + 8n},"messageType":"MESSAGE",
          "lsn_commit":${lsnBeyondDoubles},"lsn":${lsnBeyondDoubles + 8n},"txId":752,
          "ts_usec":1795262400000000}`,
      ),
      lsnBeyondDoubles,
      false,
    ],
    ['the highest LSN', offsets(`{"lsn_commit":${2n ** 64n - 1n}}`), 2n ** 64n - 1n, false],
    ['a low LSN', offsets('{"lsn_commit": 24023128 , "snapshot": null}'), 24_023_128n, false],
    ['an LSN as text', offsets('{"lsn_commit":"24023128"}'), 24_023_128n, false],
    [
      'a transaction, and a snapshot asked for since',
      offsets('{"lsn_commit":24023128,"snapshot":true}'),
      24_023_128n,
      true,
    ],
  ])('is %s', async (_, body, commitLsn, snapshot) => {
    answer = { body }
    expect(await connector().committed()).toEqual({ commitLsn, snapshot })
    expect(asked?.url).toBe('/connectors/millrace/offsets')
  })

  test('is exact where a neighbour would be another LSN', async () => {
    answer = { body: offsets(`{"lsn_commit":${parseLsn('200000/1')}}`) }
    expect((await connector().committed()).commitLsn).toBe(parseLsn('200000/1'))
  })

  test.each(['<html>', '{}', '{"offsets":{}}', offsets('{"lsn_commit":-1}'), offsets('7')])(
    'can not be read from %s',
    async (body) => {
      answer = { body }
      const unknown = { code: 'connect-answer', retriable: true }
      await expect(connector().committed()).rejects.toMatchObject(unknown)
    },
  )
})

describe('a Connect with a password', () => {
  const secret = 'p%40ss'

  test('is asked with it', async () => {
    await connector(`me:${secret}@`).committed()
    const expected = Buffer.from('me:p@ss').toString('base64')
    expect(asked?.headers.authorization).toBe(`Basic ${expected}`)
  })

  test('is named by its host alone when it hangs', async () => {
    answer = undefined
    const error: unknown = await connector(`me:${secret}@`)
      .committed()
      .catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'connect-unavailable', retriable: true })
    expect(sentence(error)).toContain('at 127.0.0.1:')
    expect(sentence(error)).not.toMatch(/p@ss|p%40ss|me:/)
  })
})

describe('a connector that is unfit', () => {
  const setting = 'unavailable.value.placeholder'

  test('is one with another placeholder than the view looks for', async () => {
    answer = { body: JSON.stringify({ [setting]: unavailableValue, name: null }) }
    await expect(connector().refuseUnfit()).resolves.toBeUndefined()
    for (const body of ['{}', JSON.stringify({ [setting]: 'x' })]) {
      answer = { body }
      const unfit = { code: 'connector-unfit', retriable: true }
      await expect(connector().refuseUnfit()).rejects.toMatchObject(unfit)
    }
  })

  test('is not one that is not there', async () => {
    answer = { status: 404, body: '{"message":"Connector millrace not found"}' }
    const refused = { code: 'connect-refused', retriable: true }
    await expect(connector().refuseUnfit()).rejects.toMatchObject(refused)
  })
})
