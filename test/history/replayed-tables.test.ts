import { parsePgoutput } from './pgoutput.ts'
import { isoOf, ReplayedTables, rewritePrefix, type Row } from './replayed-tables.ts'

/** Builds messages as `pgoutput` writes them. */
function bytes(...parts: readonly (string | number | bigint | Buffer)[]): Buffer {
  return Buffer.concat(
    parts.map((part) => {
      if (Buffer.isBuffer(part)) return part
      if (typeof part === 'string') return Buffer.from(part)
      const buffer = Buffer.alloc(typeof part === 'bigint' ? 8 : 4)
      if (typeof part === 'bigint') buffer.writeBigInt64BE(part)
      else buffer.writeInt32BE(part)
      return buffer
    }),
  )
}

const byte = (value: number) => Buffer.from([value])
const short = (value: number) => Buffer.from([value >> 8, value & 0xff])
const text = (value: string) => Buffer.from(`${value}\0`)

function tuple(...cells: readonly (string | null | undefined)[]): Buffer {
  const written = cells.map((cell) => {
    if (cell === null) return bytes('n')
    return cell === undefined ? bytes('u') : bytes('t', Buffer.byteLength(cell), cell)
  })
  return bytes(short(cells.length), ...written)
}

function relation(id: number, table: string, columns: readonly string[]): Buffer {
  const cells = columns.map((name) => bytes(byte(0), text(name), 25, -1))
  return bytes('R', id, text('public'), text(table), 'f', short(columns.length), ...cells)
}

describe('messages of pgoutput', () => {
  test('a commit tells where its record begins', () => {
    const commit = bytes('C', byte(0), 0x1_0000_00ffn, 0x1_0000_0200n, 0n)
    expect(parsePgoutput(commit)).toEqual({ kind: 'commit', lsn: 0x1_0000_00ffn })
  })

  test('a row has texts, nulls and values that are left out', () => {
    expect(parsePgoutput(bytes('I', 9, 'N', tuple('ä', null, undefined)))).toEqual({
      kind: 'insert',
      relation: 9,
      row: ['ä', null, undefined],
    })
  })

  test('an update tells what was before where the log has it', () => {
    const plain = parsePgoutput(bytes('U', 9, 'N', tuple('1')))
    expect(plain).toEqual({ kind: 'update', relation: 9, before: undefined, row: ['1'] })
    const moved = parsePgoutput(bytes('U', 9, 'K', tuple('1'), 'N', tuple('2')))
    expect(moved).toEqual({ kind: 'update', relation: 9, before: ['1'], row: ['2'] })
  })

  test('a message of another protocol is refused', () => {
    expect(() => parsePgoutput(bytes('S'))).toThrow("no message 'S'")
    expect(() => parsePgoutput(bytes('I', 9, 'K', tuple('1')))).toThrow('should')
  })
})

describe('tables replayed from the log', () => {
  let tables: ReplayedTables
  const apply = (...messages: readonly Buffer[]) =>
    messages.flatMap((message) => tables.apply(parsePgoutput(message)))
  const likes = ['user_id', 'tweet_id']
  const tweets = ['tweet_id', 'user_id', 'text']

  beforeEach(() => {
    tables = new ReplayedTables()
    apply(relation(1, 'likes', likes), relation(2, 'tweets', tweets), relation(3, 'users', users))
  })

  const users = ['user_id', 'username', 'description', 'joined_date']
  const user: Row = {
    user_id: '7',
    username: 'ada',
    description: 'long',
    joined_date: '2020-01-01 00:00:00+00',
  }

  test('an insert and a delete count once each', () => {
    const counted = { kind: 'count', user: '7', count: 'likeCount', row: '7/5' }
    expect(apply(bytes('I', 1, 'N', tuple('7', '5')))).toEqual([{ ...counted, amount: 1 }])
    expect(apply(bytes('D', 1, 'K', tuple('7', '5')))).toEqual([{ ...counted, amount: -1 }])
  })

  test('a row that passes to another user counts for that one', () => {
    apply(bytes('I', 2, 'N', tuple('5', '7', 'hello')))
    expect(apply(bytes('U', 2, 'N', tuple('5', '8', 'hello')))).toEqual([
      { kind: 'count', user: '7', count: 'tweetCount', row: '5', amount: -1 },
      { kind: 'count', user: '8', count: 'tweetCount', row: '5', amount: 1 },
    ])
  })

  test('an update that counts as before changes nothing', () => {
    apply(bytes('I', 2, 'N', tuple('5', '7', 'hello')))
    expect(apply(bytes('U', 2, 'N', tuple('5', '7', 'goodbye')))).toEqual([])
  })

  test('TRUNCATE removes every row of its tables', () => {
    apply(bytes('I', 1, 'N', tuple('7', '5')), bytes('I', 1, 'N', tuple('8', '5')))
    expect(apply(bytes('T', 1, byte(0), 1))).toHaveLength(2)
    expect(tables.rows('likes').size).toBe(0)
  })

  test('a long text that an update leaves out stays as it was', () => {
    tables.load('users', [user])
    const update = bytes('U', 3, 'N', tuple('7', 'eva', undefined, '2020-01-01 00:00:00+00'))
    expect(apply(update)).toEqual([
      {
        kind: 'row',
        user: '7',
        state: ['eva', null, 'long', null, null, '2020-01-01T00:00:00.000000Z', null, null],
      },
    ])
  })

  test('a changed primary key removes the user and makes another', () => {
    tables.load('users', [user])
    const update = bytes('U', 3, 'K', tuple('7', null, null, null), 'N')
    const moved = bytes(update, tuple('9', 'ada', undefined, '2020-01-01 00:00:00+00'))
    expect(apply(moved).map((change) => [change.user, 'state' in change && change.state])).toEqual([
      ['7', null],
      ['9', ['ada', null, 'long', null, null, '2020-01-01T00:00:00.000000Z', null, null]],
    ])
  })

  test('a rewritten column comes by a message of its transaction', () => {
    tables.load('users', [user])
    const content = JSON.stringify({ column: 'username', values: { 7: 'ADA', 8: 'nobody' } })
    const message = bytes('M', byte(1), 5n, text(rewritePrefix), content.length, content)
    const state = ['ADA', null, 'long', null, null, '2020-01-01T00:00:00.000000Z', null, null]
    expect(apply(message)).toEqual([{ kind: 'row', user: '7', state }])
  })

  test('a row that was never there can not be removed', () => {
    expect(() => apply(bytes('D', 1, 'K', tuple('7', '5')))).toThrow('not there')
  })
})

test('times are told to the microsecond in UTC, and no other zone is taken', () => {
  expect(isoOf('2020-02-29 12:00:00.089+00')).toBe('2020-02-29T12:00:00.089000Z')
  expect(isoOf('2020-02-29 12:00:00+00')).toBe('2020-02-29T12:00:00.000000Z')
  expect(() => isoOf('2020-02-29 12:00:00+02')).toThrow('no time of UTC')
})
