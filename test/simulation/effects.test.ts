import { missingEffects } from './effects.ts'
import { everyFault } from './faults.ts'

const once = { times: 1, schedules: 1 }

test('a kind of effect that never happened is named', () => {
  const all = missingEffects(new Map())
  expect(all.length).toBeGreaterThan(150)
  expect(new Set(all).size).toBe(all.length)
  const counts = new Map(all.map((kind) => [kind, once]))
  expect(missingEffects(counts)).toEqual([])
  counts.delete('a commit conflicted')
  expect(missingEffects(counts)).toEqual(['a commit conflicted'])
})

test('every fault has to be drawn', () => {
  const all = missingEffects(new Map())
  for (const fault of Object.keys(everyFault)) expect(all).toContain(`fault: ${fault}`)
})
