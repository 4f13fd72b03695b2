import { metadataRequest } from '../../src/consume/kafka/metadata.ts'
import {
  array,
  boolean,
  int32,
  int64,
  struct,
  text,
  uuid,
  WireReader,
} from '../../src/consume/kafka/wire.ts'

const id = 'w-F3AyyHR8KE0yKRkU60TA'

describe('WireReader', () => {
  it('reads what is written, lengths of more than seven bits among it', () => {
    const long = 'ü'.repeat(10_000)
    const many = Array.from({ length: 300 }, (_, index) => int32(-index))
    const bytes = struct(text(long), uuid(id), int64(-5n), boolean(true), array(many), text(''))
    const reader = new WireReader(bytes)
    expect(reader.text()).toBe(long)
    expect(reader.uuid()).toBe(id)
    expect(reader.int64()).toBe(-5n)
    expect(reader.boolean()).toBe(true)
    expect(reader.array(() => reader.int32()).at(-1)).toBe(-299)
    expect(reader.text()).toBe('')
    reader.skipTags()
    expect(() => reader.boolean()).toThrow('ends too early')
  })

  it('takes nothing for null, and an array that is null for empty', () => {
    const reader = new WireReader(Buffer.from([0, 0, 0]))
    expect(reader.text()).toBeNull()
    expect(reader.bytes()).toBeNull()
    expect(reader.array(() => reader.int32())).toEqual([])
  })

  it('skips tagged fields of any length', () => {
    const field = Buffer.alloc(200, 7)
    const tags = [Buffer.from([2, 0, 0xc8, 0x01]), field, Buffer.from([9, 1]), Buffer.from([5])]
    const reader = new WireReader(Buffer.concat([...tags, int32(42)]))
    reader.skipTags()
    expect(reader.int32()).toBe(42)
  })

  it('throws where an answer ends in the middle', () => {
    expect(() => new WireReader(int32(1).subarray(0, 3)).int32()).toThrow('ends too early')
    expect(() => new WireReader(text('cut').subarray(0, 2)).text()).toThrow('ends too early')
  })
})

describe('an answer to Metadata', () => {
  const broker = struct(int32(1), text('one'), int32(9_092), text(''))
  const noNodes = array([])
  const nodes = array([int32(1), int32(2)])
  const partition = (index: number, leader: number) =>
    struct(int16(0), int32(index), int32(leader), int32(7), nodes, noNodes, noNodes)
  const topic = (errorCode: number, name: string, topicId = id) => {
    const partitions = array([partition(1, 1), partition(0, -1)])
    return struct(int16(errorCode), text(name), uuid(topicId), boolean(false), partitions, int32(0))
  }
  const read = (...topics: Buffer[]) => {
    const answer = struct(array([broker]), text('cluster'), int32(1), array(topics))
    return metadataRequest([]).read(answer)
  }

  it('gives partitions in their order, with their leaders, and leaves out missing topics', () => {
    const leader = { host: 'one', port: 9_092 }
    const rest = { leaderEpoch: 7, replicas: [1, 2] }
    const partitions = [
      { partition: 0, leader: undefined, ...rest },
      { partition: 1, leader, ...rest },
    ]
    const told = {
      brokers: new Map([[1, leader]]),
      controller: leader,
      topics: new Map([['users', { id, partitions }]]),
    }
    expect(read(topic(0, 'users'), topic(3, 'none'))).toEqual(told)
  })

  it('is refused where a topic may not be looked at, or has no id', () => {
    const rights = expect.objectContaining({ type: 'TOPIC_AUTHORIZATION_FAILED' })
    expect(() => read(topic(29, 'users'))).toThrow(rights)
    const tooOld = expect.objectContaining({ code: 'kafka-refused' })
    expect(() => read(topic(0, 'users', 'A'.repeat(22)))).toThrow(tooOld)
  })
})

function int16(value: number): Buffer {
  return int32(value).subarray(2)
}
