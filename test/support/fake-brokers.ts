/**
 * Brokers of one topic with one partition, that know of each other what a test says. A cluster that
 * is cut in two takes several machines; what its brokers answer is told here instead.
 */
import { once } from 'node:events'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
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
import { emptiedBatch } from '../../src/consume/kafka/patch-check.ts'

const keys = { fetch: 1, listOffsets: 2, metadata: 3, apiVersions: 18 } as const
const versions = [
  [keys.fetch, 13],
  [keys.listOffsets, 6],
  [keys.metadata, 12],
  [keys.apiVersions, 3],
] as const
const errors = { none: 0, notLeader: 6, fenced: 74, unknownEpoch: 75 } as const

export const fakeTopic = 'users'

/** What a broker takes for true. */
export type Belief = {
  readonly topicId: string
  readonly leader: number
  readonly epoch: number
  readonly replicas: readonly number[]
  /** Of the log, where it leads. */
  readonly end: bigint
  /** What stands before the end, where that is more than an emptied batch. */
  readonly records?: Buffer
}

export class FakeBroker {
  readonly number: number
  readonly port: number
  readonly #server: Server
  readonly #clients = new Set<Socket>()
  #others: readonly FakeBroker[] = []
  belief: Belief
  /** What it leads with, where that is not yet what it tells. */
  leads: { readonly epoch: number } | undefined
  /** True: it takes connections and answers nothing. */
  isSilent = false

  private constructor(number: number, server: Server, belief: Belief) {
    this.number = number
    this.port = (server.address() as AddressInfo).port
    this.belief = belief
    this.#server = server
    server.on('connection', (client: Socket) => {
      this.#clients.add(client)
      client.on('error', () => undefined)
      // Requests of these tests are small, so that each comes in one piece.
      client.on('data', (request) => this.isSilent || client.write(this.#answerTo(request)))
    })
  }

  /** Numbered from one on; all of them believe the same. */
  static async start(count: number, belief: Belief): Promise<readonly FakeBroker[]> {
    const brokers: FakeBroker[] = []
    for (let number = 1; number <= count; number += 1) {
      const server = createServer()
      await once(server.listen(0, '127.0.0.1'), 'listening')
      brokers.push(new FakeBroker(number, server, belief))
    }
    for (const broker of brokers) broker.#others = brokers
    return brokers
  }

  stop(): void {
    this.#server.close()
    for (const client of this.#clients) client.destroy()
  }

  #answerTo(request: Buffer): Buffer {
    const key = request.readInt16BE(4)
    const correlation = request.subarray(8, 12)
    if (key === keys.apiVersions) return sized(correlation, apiVersions())
    const body = new WireReader(request.subarray(14 + request.readInt16BE(12)))
    body.skipTags()
    const answer = this.#flexibleAnswer(key, body)
    return sized(correlation, noTags, int32(0), answer)
  }

  #flexibleAnswer(key: number, body: WireReader): Buffer {
    if (key === keys.metadata) return this.#metadata()
    if (key === keys.listOffsets) return this.#offsets(body)
    return this.#fetched(body)
  }

  #metadata(): Buffer {
    const { topicId, leader, epoch, replicas } = this.belief
    const brokers = this.#others.map(({ number, port }) =>
      struct(int32(number), text('127.0.0.1'), int32(port), text('')),
    )
    const nodes = array(replicas.map(int32))
    const fields = [int16(errors.none), int32(0), int32(leader), int32(epoch)]
    const partition = struct(...fields, nodes, nodes, array([]))
    const named = [int16(errors.none), text(fakeTopic), uuid(topicId), boolean(false)]
    const topic = struct(...named, array([partition]), int32(0))
    return struct(array(brokers), text('cluster'), int32(1), array([topic]))
  }

  #offsets(body: WireReader): Buffer {
    body.int32() // replica
    body.boolean() // isolation
    const [[asked] = []] = body.array(() => {
      body.text()
      return body.array(() => ({
        partition: body.int32(),
        epoch: body.int32(),
        time: body.int64(),
      }))
    })
    const error = this.#refusal(asked!.epoch)
    const offset = asked!.time === -1n ? this.belief.end : 0n
    const told = [int32(0), int16(error), int64(-1n), int64(error ? -1n : offset), int32(-1)]
    return struct(array([struct(text(fakeTopic), array([struct(...told)]))]))
  }

  #fetched(body: WireReader): Buffer {
    for (let skipped = 0; skipped < 4; skipped += 1) body.int32()
    body.boolean() // isolation
    for (const _ of ['session', 'its epoch']) body.int32()
    const [[asked] = []] = body.array(() => {
      body.uuid()
      return body.array(() => ({
        partition: body.int32(),
        epoch: body.int32(),
        from: body.int64(),
      }))
    })
    const error = this.#refusal(asked!.epoch)
    const length = error ? 0n : this.belief.end - asked!.from
    const emptied = () => emptiedBatch(asked!.from, Number(length) - 1)
    const records = length > 0n ? (this.belief.records ?? emptied()) : Buffer.alloc(0)
    const ends = [this.belief.end, this.belief.end, 0n].map(int64)
    const told = [int32(0), int16(error), ...ends, array([]), int32(-1), compact(records)]
    const topic = struct(uuid(this.belief.topicId), array([struct(...told)]))
    return struct(int16(errors.none), int32(0), array([topic]))
  }

  #refusal(asked: number): number {
    const epoch = this.leads?.epoch ?? this.belief.epoch
    if (asked < epoch) return errors.fenced
    if (asked > epoch) return errors.unknownEpoch
    return this.belief.leader === this.number ? errors.none : errors.notLeader
  }
}

const noTags = Buffer.from([0])

function sized(...parts: readonly Buffer[]): Buffer {
  const answer = Buffer.concat(parts)
  return Buffer.concat([int32(answer.length), answer])
}

function apiVersions(): Buffer {
  const each = versions.map(([key, most]) => Buffer.concat([int16(key), int16(0), int16(most)]))
  return Buffer.concat([int16(errors.none), int32(versions.length), ...each, int32(0)])
}

function int16(value: number): Buffer {
  return int32(value).subarray(2)
}

/** Bytes with their length, of which there are few. */
function compact(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from([bytes.length + 1]), bytes])
}
