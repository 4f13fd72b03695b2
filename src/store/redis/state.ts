import { parseLsn } from '../../position.ts'
import { typeError } from '../checks.ts'
import { decodeBarrier, decodeMark, decodeProblem, decodeTopics } from '../codec.ts'
import { generationNumber, refuseNewer } from '../generation.ts'
import type { Barrier, Generation, GenerationId, Phase, Problem, StoreStatus } from '../store.ts'
import type { RedisConnection, Reply } from './connection.ts'
import type { RedisLayout } from './keys.ts'

/** Reads what is known of the view as a whole, in one moment. */
export async function readStatus(
  connection: RedisConnection,
  layout: RedisLayout,
): Promise<StoreStatus> {
  const keys = [layout.state, layout.barrier, layout.parked, layout.problems]
  const [, state, barrier, parked, problems] = await connection.run('status', keys, [])
  const stops = [...pairs(problems!)].map(
    ([partition, text]) => [partition, decodeProblem(text, layout.problems)] as const,
  )
  return {
    generation: parseGeneration(layout, pairs(state!), pairs(barrier!)),
    parked: Number(parked),
    problems: new Map<string, Problem>(stops),
  }
}

/** A flat reply of HGETALL as a map. */
export function pairs(reply: Reply): ReadonlyMap<string, string> {
  const flat = reply as readonly string[]
  const map = new Map<string, string>()
  for (let at = 0; at < flat.length; at += 2) map.set(flat[at]!, flat[at + 1]!)
  return map
}

function parseGeneration(
  layout: RedisLayout,
  state: ReadonlyMap<string, string>,
  barrier: ReadonlyMap<string, string>,
): Generation | undefined {
  if (state.size === 0) return undefined
  const id = state.get('id')
  const phase = state.get('phase')
  const topics = state.get('topics')
  if (!id || !isPhase(phase) || topics === undefined) {
    throw typeError(layout.state, 'id, phase or topics is missing')
  }
  refuseNewer(state.get('number'), layout.state)
  const watermark = state.get('watermark')
  const mark = state.get('mark')
  return {
    id: id as GenerationId,
    number: generationNumber,
    phase,
    topics: decodeTopics(topics, layout.state),
    watermark: watermark === undefined ? undefined : parseLsn(watermark),
    barrier: barrier.get('generation') === id ? parseBarrier(layout, barrier) : undefined,
    mark: mark === undefined ? undefined : decodeMark(mark, layout.state),
  }
}

function parseBarrier(layout: RedisLayout, barrier: ReadonlyMap<string, string>): Barrier {
  const parts = {
    lsn: barrier.get('lsn') ?? '',
    takenAtMs: barrier.get('taken-at-ms') ?? '',
    from: barrier.get('from') ?? '',
    ends: barrier.get('ends') ?? '',
  }
  return decodeBarrier(parts, layout.barrier)
}

function isPhase(text: string | undefined): text is Phase {
  return text === 'building' || text === 'serving' || text === 'dropping'
}
