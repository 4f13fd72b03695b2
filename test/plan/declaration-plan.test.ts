import { keptDeclaration, ownView, type OwnView } from '../../src/coordinate/view-plan.ts'
import { changesBetween, declarationPlan, type Kept } from '../../src/plan/declaration-plan.ts'
import type { ViewState } from '../../src/store/state.ts'
import { integer, text } from '../../src/types/declare.ts'
import { sumOf } from '../../src/view/aggregates/sum-of.ts'
import { countOf, defineView, from } from '../../src/view/define-view.ts'

const shelves = (parts: {
  readonly fields: Parameters<typeof from>[1]['fields']
  readonly aggregates?: Parameters<typeof defineView>[0]['aggregates']
  readonly table?: string
}) =>
  ownView(
    defineView({
      name: 'shelves',
      key: { id: 'bigint' },
      row: from(parts.table ?? 'shelves', { key: 'id', fields: parts.fields }),
      aggregates: parts.aggregates ?? {},
    }),
  )

const first = shelves({
  fields: { label: text('label'), depth: integer('depth') },
  aggregates: { boxes: countOf('boxes', { by: 'shelf' }) },
})

function keptOf(...declarations: readonly OwnView[]): Kept {
  const list = declarations.reduce<ViewState['declarations']>(
    (before, own) => [
      ...before,
      { ...keptDeclaration(own, { declarations: before }), complete: true },
    ],
    [],
  )
  const state = { declarations: list } as unknown as ViewState
  return { state, wanted: undefined, occupant: undefined }
}

const absent: Kept = { state: undefined, wanted: undefined, occupant: undefined }
const wanted = { declaration: first.id, adopt: true, prune: false, sweep: [] }

const planned = (own: OwnView, kept: Kept, adopt = false) =>
  declarationPlan(own, 'redis', { kept, adopt })

test('a view that is served as it is declared needs nothing', () => {
  expect(planned(first, keptOf(first))).toEqual({ steps: [], faults: [], notes: [] })
})

test('one that was not begun is begun by a worker', () => {
  expect(planned(first, absent)).toEqual({
    steps: [],
    faults: [],
    notes: ['redis: shelves was not begun; the first worker does that'],
  })
})

test('what is brought in, changed and left is said', () => {
  const second = shelves({
    fields: { label: text('title'), shade: text('shade') },
    aggregates: { boxes: countOf('boxes', { by: 'shelf' }) },
  })
  expect(planned(second, keptOf(first))).toEqual({
    steps: [
      {
        where: 'redis',
        what: `bring in the declaration ${second.id} of shelves`,
        text: [
          '~ label: title as text, until now label as text',
          '+ shade: shade as text',
          '- depth: depth as integer, kept for earlier releases until `apply --prune`',
        ],
        needs: undefined,
      },
    ],
    faults: [],
    notes: [],
  })
})

test('earlier declarations that are still served are noted, and going back to one is a step', () => {
  const second = shelves({ fields: { label: text('label') } })
  const both = keptOf(first, second)
  expect(planned(second, both)).toMatchObject({
    steps: [],
    notes: [expect.stringContaining('kept by 1 earlier declaration as well')],
  })
  expect(planned(first, both).steps).toHaveLength(1)
})

test('another owning table is another view', () => {
  const other = shelves({ fields: { label: text('label') }, table: 'racks' })
  expect(planned(other, keptOf(first))).toMatchObject({
    steps: [],
    faults: [{ where: 'redis', what: expect.stringContaining('another key or owning table') }],
  })
})

describe('keys that are named like those of a view that was not begun', () => {
  const occupied = { ...absent, occupant: '7' }

  test('are in the way, and named', () => {
    expect(planned(first, occupied)).toMatchObject({
      steps: [],
      faults: [
        {
          what: 'redis has entries named like those of view shelves already, as shelves:7',
          cure: expect.stringContaining('--adopt'),
        },
      ],
    })
  })

  test('are adopted where that is asked for', () => {
    expect(planned(first, occupied, true)).toMatchObject({
      steps: [{ where: 'redis', what: 'adopt the entries of shelves' }],
      faults: [],
    })
  })

  test('are so once somebody has asked for it', () => {
    expect(planned(first, { ...occupied, wanted })).toMatchObject({
      steps: [],
      faults: [],
      notes: [expect.stringContaining('adopts what lies there')],
    })
  })
})

test('a count that only tells whether an entry is there is no change to read about', () => {
  const by = 'session'
  const play = (aggregates: Parameters<typeof defineView>[0]['aggregates']) =>
    defineView({ name: 'play', key: { session: 'bigint' }, aggregates: aggregates ?? {} })
  const spent = sumOf('clicks', { by, of: integer('spent') })
  const before = play({ n: countOf('clicks', { by }), spent })
  expect(changesBetween(before, play({ spent }))).toEqual([
    '- n: count of clicks by session, kept for earlier releases until `apply --prune`',
  ])
})
