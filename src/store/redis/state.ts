import { z } from 'zod'
import { parseLsn } from '../../position.ts'
import { typeError } from '../checks.ts'
import { decodeBarrier, decodeProblem, decodeTopics, encodeBarrier } from '../codec.ts'
import type { Beginning } from '../coordination.ts'
import { newInstance, refuseOtherFormat, stateFormat } from '../epoch.ts'
import type { StoreStatus } from '../reader.ts'
import type { Epoch, KeptDeclaration, ViewState } from '../state.ts'
import type { RedisConnection } from './connection.ts'
import { completeField, formatField, instanceField, keepFromField, type ViewKeys } from './keys.ts'
import { pairs, parseDoubt } from './texts.ts'

type Fields = ReadonlyMap<string, string>

/** Reads what is known of the view as a whole, in one moment. */
export async function readStatus(
  connection: RedisConnection,
  keys: ViewKeys,
): Promise<StoreStatus> {
  const asked = [keys.state, keys.doubts, keys.parked, keys.problems]
  const [, fields, doubts, parked, problems, nowMs, stats] = await connection.run(
    'status',
    asked,
    [],
  )
  const found = pairs(fields!)
  const at = found.get('watermark-at')
  const evicted = /^evicted_keys:(\d+)/m.exec(String(stats))?.[1]
  const stops = [...pairs(problems!)]
  return {
    state: parseState(keys, found, pairs(doubts!)),
    ageMs: at === undefined ? undefined : Math.max(0, Number(nowMs) - Number(at)),
    parked: Number(parked) + Number(found.get('parked-beyond') ?? 0),
    problems: new Map(stops.map(([place, text]) => [place, decodeProblem(text, keys.problems)])),
    evicted: evicted === undefined ? undefined : Number(evicted),
  }
}

/** Fields and values of a state that begins. */
export function stateFields(epoch: Epoch, beginning: Beginning): string[] {
  const { declaration, topics, barrier, fingerprint, keepFrom } = beginning
  const fields = {
    [formatField]: String(stateFormat),
    epoch,
    [instanceField]: newInstance(),
    barrier: encodeBarrier(barrier),
    'barrier-number': String(barrier.number),
    fingerprint,
    ...(keepFrom === undefined ? {} : { [keepFromField]: String(keepFrom) }),
  }
  return [...Object.entries(fields).flat(), ...declarationFields([declaration], topics)]
}

/** Fields and values that say what is declared, and what of it is complete. */
export function declarationFields(
  declarations: readonly KeptDeclaration[],
  topics: ViewState['topics'],
): string[] {
  const kept = declarations.map(({ id, declaration }) => ({ id, declaration }))
  const fields = [
    ['declarations', JSON.stringify(kept)],
    ['topics', JSON.stringify(topics)],
    ...declarations.map(({ id, complete }) => [completeField(id), complete ? '1' : '0']),
  ]
  return fields.flat()
}

function parseState(keys: ViewKeys, fields: Fields, doubts: Fields): ViewState | undefined {
  if (fields.size === 0) return undefined
  refuseOtherFormat(fields.get(formatField), keys.state)
  const epoch = fields.get('epoch')
  const topics = fields.get('topics')
  if (epoch === undefined || topics === undefined) {
    throw typeError(keys.state, 'epoch or topics is missing')
  }
  const watermark = fields.get('watermark')
  const barrier = fields.get('barrier')
  return {
    epoch: epoch as Epoch,
    instance: fields.get(instanceField),
    declarations: parseDeclarations(keys, fields),
    topics: decodeTopics(topics, keys.state),
    watermark: watermark === undefined ? undefined : parseLsn(watermark),
    barrier: barrier === undefined ? undefined : decodeBarrier(barrier, keys.state),
    fingerprint: fields.get('fingerprint'),
    doubts: [...doubts.values()].map((text) => parseDoubt(text, keys.doubts)),
    keepFrom: numberOr(fields.get(keepFromField)),
    pass: fields.get('pass'),
  }
}

/** Of the bound as the state has it. */
function numberOr(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text)
}

const declarationsSchema = z.array(z.object({ id: z.string(), declaration: z.string() }))

function parseDeclarations(keys: ViewKeys, fields: Fields): readonly KeptDeclaration[] {
  try {
    const kept = declarationsSchema.parse(JSON.parse(fields.get('declarations') ?? ''))
    return kept.map((each) => ({ ...each, complete: fields.get(completeField(each.id)) === '1' }))
  } catch (cause) {
    throw typeError(keys.state, 'declarations do not parse', { cause })
  }
}
