import { FaultTally, lanes, type Lane } from './faults.ts'

const lane: Lane = {
  name: 'one',
  faults: ['a', 'b'].map((kind) => ({
    kind,
    weight: 1,
    targets: [],
    run: () => Promise.resolve(true),
  })),
  leastPauseMs: 0,
  mostPauseMs: 0,
  recoveryMaxMs: 0,
}

test('a kind that was tried and never had an effect is missing', () => {
  const tally = new FaultTally([lane])
  tally.add('a', true)
  tally.add('a', false)
  tally.add('b', false)
  expect(tally.missing()).toEqual(['b'])
  expect(tally.effective).toBe(1)
  expect(tally.rows()).toEqual([
    { kind: 'a', tried: 2, effective: 1 },
    { kind: 'b', tried: 1, effective: 0 },
  ])
})

test('a kind has one name in every lane, or its counts would be those of another', () => {
  const kinds = [...new Set(lanes.flatMap(({ faults }) => faults))].map(({ kind }) => kind)
  expect(new Set(kinds).size).toBe(kinds.length)
})
