import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe as sentence } from '../../src/errors.ts'
import { parseLsn } from '../../src/position.ts'
import type { Connect } from '../../src/source/connect.ts'
import { connectRest } from '../../src/source/connect-rest.ts'

type Answer = { readonly status?: number; readonly body: string }

let server: Server
/** By path; what is not there hangs. */
let answers: Readonly<Record<string, Answer>>
let asked: IncomingMessage[]

beforeEach(async () => {
  asked = []
  answers = {}
  server = createServer((request, response) => {
    asked.push(request)
    const answer = answers[request.url ?? '']
    if (answer) response.writeHead(answer.status ?? 200).end(answer.body)
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
})

afterEach(async () => {
  server.closeAllConnections()
  await new Promise((done) => server.close(done))
})

function connect(user = '', path = ''): Connect {
  const { port } = server.address() as AddressInfo
  const url = `http://${user}127.0.0.1:${port}${path}`
  return connectRest({ connect: url, name: 'mill race', callTimeoutMs: 300 })
}

const base = '/connectors/mill%20race'

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
    answers = { [`${base}/offsets`]: { body } }
    expect(await connect().committed()).toEqual({ commitLsn, snapshot })
  })

  test('is exact where a neighbour would be another LSN', async () => {
    const body = offsets(`{"lsn_commit":${parseLsn('200000/1')}}`)
    answers = { [`${base}/offsets`]: { body } }
    expect((await connect().committed()).commitLsn).toBe(parseLsn('200000/1'))
  })

  test.each(['<html>', '{}', '{"offsets":{}}', offsets('{"lsn_commit":-1}'), offsets('7')])(
    'can not be read from %s',
    async (body) => {
      answers = { [`${base}/offsets`]: { body } }
      const unknown = { code: 'connect-answer', retriable: true }
      await expect(connect().committed()).rejects.toMatchObject(unknown)
    },
  )
})

describe('the state of the connector', () => {
  const trace =
    'org.apache.kafka.connect.errors.ConnectException: An exception occurred\n' +
    '\tat io.debezium.Handler.run(Handler.java:42)\n' +
    'Caused by: io.debezium.DebeziumException: could not start\n\t... 5 more\n' +
    'Caused by: org.postgresql.util.PSQLException: ERROR: replication slot "millrace" is gone\n' +
    '\tat org.postgresql.Core.read(Core.java:1)\n\t... 7 more\n'
  const status = (connector: object, tasks: object[]) =>
    JSON.stringify({ name: 'millrace', connector, tasks, type: 'source' })
  const running = { state: 'RUNNING', worker_id: '127.0.0.1:8083' }

  test.each([
    ['running', status(running, [{ id: 0, ...running }]), undefined],
    ['starting', status(running, []), undefined],
    ['starting', status(running, [{ id: 0, state: 'UNASSIGNED' }]), undefined],
    ['starting', status(running, [{ id: 0, state: 'RESTARTING' }]), undefined],
    ['stopped', status({ state: 'STOPPED' }, []), undefined],
    ['stopped', status({ state: 'PAUSED' }, [{ id: 0, state: 'PAUSED' }]), undefined],
    [
      'failed',
      status({ state: 'FAILED', trace: 'a.B: no such class\n\tat x' }, []),
      'a.B: no such class',
    ],
    ['failed', status(running, [{ id: 0, state: 'FAILED' }]), undefined],
    [
      'failed',
      status(running, [{ id: 0, state: 'FAILED', trace }]),
      'org.postgresql.util.PSQLException: ERROR: replication slot "millrace" is gone',
    ],
  ])('is %s', async (state, body, reason) => {
    answers = { [`${base}/status`]: { body } }
    expect(await connect().status()).toEqual({ state, reason })
  })
})

test('the settings are told without those that are null', async () => {
  answers = { [`${base}/config`]: { body: '{"slot.name":"a","name":null,"tasks.max":"1"}' } }
  expect(await connect().settings()).toEqual({ 'slot.name': 'a', 'tasks.max': '1' })
})

test('a restart is asked for with its tasks, whatever their state', async () => {
  answers = { [`${base}/restart?includeTasks=true`]: { status: 204, body: '' } }
  await expect(connect().restart()).resolves.toBeUndefined()
  expect(asked.map(({ method }) => method)).toEqual(['POST'])
})

describe('the version', () => {
  const plugins = JSON.stringify([
    {
      class: 'org.apache.kafka.connect.mirror.MirrorSourceConnector',
      type: 'source',
      version: '4.3.1',
    },
    {
      class: 'io.debezium.connector.postgresql.PostgresConnector',
      type: 'source',
      version: '3.7.0.Final',
    },
  ])

  test.each([
    'io.debezium.connector.postgresql.PostgresConnector',
    'PostgresConnector',
    'Postgres',
  ])('is that of the plugin that the connector names as %s', async (name) => {
    answers = {
      [`${base}/config`]: { body: JSON.stringify({ 'connector.class': name }) },
      '/connector-plugins': { body: plugins },
    }
    expect(await connect().version()).toBe('3.7.0.Final')
  })

  test('is not to be had of a plugin that is not there', async () => {
    answers = {
      [`${base}/config`]: {
        body: '{"connector.class":"io.debezium.connector.mysql.MySqlConnector"}',
      },
      '/connector-plugins': { body: plugins },
    }
    await expect(connect().version()).rejects.toMatchObject({ code: 'connect-refused' })
  })
})

describe('a Connect with a password', () => {
  const secret = 'p%40ss'

  test('is asked with it, also beneath a path', async () => {
    answers = { [`/behind/proxy${base}/offsets`]: { body: '{"offsets":[]}' } }
    await connect(`me:${secret}@`, '/behind/proxy/').committed()
    const expected = Buffer.from('me:p@ss').toString('base64')
    expect(asked[0]?.headers.authorization).toBe(`Basic ${expected}`)
  })

  test('is named by its host alone when it hangs', async () => {
    const error: unknown = await connect(`me:${secret}@`)
      .committed()
      .catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'connect-unavailable', retriable: true })
    expect(sentence(error)).toContain('at 127.0.0.1:')
    expect(sentence(error)).not.toMatch(/p@ss|p%40ss|me:/)
  })
})

describe('offsets of a Connect', () => {
  const hint = expect.stringContaining('lost the end of a transaction') as string

  test('that fails for them: a hanging transaction may be why, as for nothing else', async () => {
    const broken = { status: 500, body: '{"message":"because"}' }
    answers = { [`${base}/offsets`]: broken, [`${base}/status`]: broken }
    const message = expect.stringContaining(`${base.slice(1)}/offsets`) as string
    await expect(connect().committed()).rejects.toMatchObject({ hint, message })
    await expect(connect().status()).rejects.not.toMatchObject({ hint })
  })

  test('that does not answer: the same', async () => {
    const message = expect.stringContaining(`${base.slice(1)}/offsets`) as string
    await expect(connect().committed()).rejects.toMatchObject({ hint, message })
    await expect(connect().status()).rejects.not.toMatchObject({ hint })
  })
})

describe('a Connect that will not', () => {
  test.each([
    ['know the connector', 404, 'connect-refused', true],
    ['let anybody in', 401, 'connect-refused', true],
    ['answer while its workers join', 409, 'connect-unavailable', true],
    ['answer for what went wrong inside', 500, 'connect-unavailable', true],
  ])('%s says so', async (_, status, code, retriable) => {
    answers = { [`${base}/status`]: { status, body: '{"message":"because"}' } }
    const error = { code, retriable, message: expect.stringContaining('because') as string }
    await expect(connect().status()).rejects.toMatchObject(error)
  })
})
