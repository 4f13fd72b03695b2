import avsc from 'avsc'
import { SchemaLookup } from '../../src/decode/schema-lookup.ts'
import type { WriterSchema } from '../../src/decode/registry.ts'
import { MillraceError } from '../../src/errors.ts'
import { ManualClock } from '../support/manual-clock.ts'

const written: WriterSchema = { schema: 'string', type: avsc.Type.forSchema('string') }

let clock: ManualClock
/** What the registry knows. */
let known: Set<number>
let failure: Error | undefined
/** Ids that the registry was asked for, and what it was asked whether it knows any of. */
let asked: number[]
let proofs: { readonly ids: readonly number[]; readonly subjects: readonly string[] }[]
let knowsSubjects: boolean
let lookup: SchemaLookup

beforeEach(() => {
  clock = new ManualClock()
  known = new Set()
  failure = undefined
  asked = []
  proofs = []
  knowsSubjects = true
  lookup = new SchemaLookup({
    registry: {
      schema: async (id) => {
        asked.push(id)
        if (failure) throw failure
        return known.has(id) ? written : undefined
      },
      knowsAny: async (ids, subjects) => {
        proofs.push({ ids, subjects })
        return knowsSubjects || ids.some((id) => known.has(id))
      },
    },
    topic: 't.public.books',
    clock,
    unknownSchemaMs: 60_000,
  })
})

const unknownYet = { code: 'schema-unknown', retriable: true, waitsForPeople: false }
const givenUp = 'the schema registry does not know schema 7, though it knows others of the topic'

/** Asks for 7 until it is given up. */
async function giveUp(): Promise<void> {
  await expect(lookup.schema(7)).rejects.toMatchObject(unknownYet)
  await clock.advance(60_000)
  expect(await lookup.schema(7)).toBe(givenUp)
}

describe('a schema', () => {
  test('that the registry knows is found', async () => {
    known.add(7)
    expect(await lookup.schema(7)).toBe(written)
    expect(proofs).toEqual([])
  })

  test('that it does not know yet is waited for a while, and then given up', async () => {
    await expect(lookup.schema(7)).rejects.toMatchObject(unknownYet)
    await clock.advance(59_999)
    await expect(lookup.schema(7)).rejects.toMatchObject(unknownYet)
    await clock.advance(1)
    expect(await lookup.schema(7)).toBe(givenUp)
  })

  test('that was given up is asked for again every ten seconds, and not more often', async () => {
    await giveUp()
    asked = []
    await clock.advance(9_999)
    expect(await lookup.schema(7)).toBe(givenUp)
    expect(asked).toEqual([])
    await clock.advance(1)
    expect(await lookup.schema(7)).toBe(givenUp)
    expect(await lookup.schema(7)).toBe(givenUp)
    expect(asked).toEqual([7])
  })

  test('that comes late is found, and waited for as long if it is gone again', async () => {
    await giveUp()
    known.add(7)
    await clock.advance(10_000)
    expect(await lookup.schema(7)).toBe(written)
    known.delete(7)
    await expect(lookup.schema(7)).rejects.toMatchObject(unknownYet)
    await clock.advance(59_999)
    await expect(lookup.schema(7)).rejects.toMatchObject(unknownYet)
  })

  test('is waited for on its own, whatever others are', async () => {
    await expect(lookup.schema(7)).rejects.toMatchObject(unknownYet)
    await clock.advance(30_000)
    await expect(lookup.schema(8)).rejects.toMatchObject(unknownYet)
    await clock.advance(30_000)
    expect(await lookup.schema(7)).toBe(givenUp)
    await expect(lookup.schema(8)).rejects.toMatchObject(unknownYet)
  })

  test('is not given up for time in which the registry was away', async () => {
    await expect(lookup.schema(7)).rejects.toMatchObject(unknownYet)
    await clock.advance(59_999)
    failure = new MillraceError('registry-unavailable', 'away')
    await expect(lookup.schema(7)).rejects.toBe(failure)
    await clock.advance(10_000)
    failure = undefined
    await expect(lookup.schema(7)).rejects.toMatchObject(unknownYet)
    await clock.advance(59_999)
    await expect(lookup.schema(7)).rejects.toMatchObject(unknownYet)
  })
})

describe('a registry that does not know a schema', () => {
  test('has to know another one of the topic, by id or by subject', async () => {
    knowsSubjects = false
    await expect(lookup.schema(7)).rejects.toMatchObject({
      code: 'registry-unavailable',
      message: 'the schema registry knows no schema of topic t.public.books',
    })
    expect(proofs).toEqual([{ ids: [], subjects: ['t.public.books-key', 't.public.books-value'] }])
    known.add(3)
    await lookup.schema(3)
    await expect(lookup.schema(7)).rejects.toMatchObject(unknownYet)
  })

  test('is asked about the three ids that were found last', async () => {
    for (const id of [1, 2, 3, 4, 5, 3]) {
      known.add(id)
      await lookup.schema(id)
    }
    await expect(lookup.schema(7)).rejects.toMatchObject(unknownYet)
    expect(proofs.map(({ ids }) => ids)).toEqual([[3, 5, 4]])
  })

  test('gives up nothing while it knows nothing', async () => {
    knowsSubjects = false
    await expect(lookup.schema(7)).rejects.toMatchObject({ code: 'registry-unavailable' })
    await clock.advance(120_000)
    knowsSubjects = true
    await expect(lookup.schema(7)).rejects.toMatchObject(unknownYet)
  })
})

test('no more than a thousand unknown ids are remembered, the oldest forgotten first', async () => {
  for (let id = 1; id <= 1_001; id += 1) {
    await expect(lookup.schema(id)).rejects.toMatchObject(unknownYet)
  }
  await clock.advance(60_000)
  expect(await lookup.schema(2)).toContain('2')
  expect(await lookup.schema(1_001)).toContain('1001')
  await expect(lookup.schema(1)).rejects.toMatchObject(unknownYet)
})

test('no more than a thousand ids that were given up are remembered', async () => {
  const ids = Array.from({ length: 1_000 }, (_, index) => index + 1)
  for (const id of ids) await lookup.schema(id).catch(() => undefined)
  await clock.advance(60_000)
  for (const id of ids) await lookup.schema(id)
  asked = []
  for (const id of ids) await lookup.schema(id)
  expect(asked).toEqual([])
  await lookup.schema(2_000).catch(() => undefined)
  await clock.advance(5_000)
  asked = []
  expect(await lookup.schema(1_000)).toContain('1000')
  expect(asked).toEqual([])
})
