import { missingEffects } from './effects.ts'
import { familyNames, type FamilyName } from './families.ts'
import { scheduleOf, shrunk, textOf } from './kept.ts'
import { keptSeeds } from './kept-seeds.ts'
import type { Failed } from './play-all.ts'
import { playShared } from './play-shared.ts'
import { drawSchedule, play } from './schedule.ts'

const schedules = 1_000
/** The same ones each time; `npm run test:simulation` plays others. */
const first = Number(process.env.MILLRACE_TEST_SEED ?? 1)

test(`${schedules} schedules come right, and every kind of fault happens in them`, async () => {
  process.stdout.write(`simulation: schedules from MILLRACE_TEST_SEED=${first} on\n`)
  const { failed, counts } = await playShared({ first, schedules })
  if (failed[0]) throw new Error(await explained(failed[0]))
  expect({ first, missing: missingEffects(counts) }).toEqual({ first, missing: [] })
})

describe('a schedule that once failed comes right', () => {
  test.each(keptSeeds)('which caught $caught', async ({ schedule, family = 'users' }) => {
    const kept =
      typeof schedule === 'number' ? drawSchedule(schedule, family) : scheduleOf(schedule)
    expect((await play(kept)).failure).toBeUndefined()
  })
})

test('the same seed is the same schedule, step by step', async () => {
  for (const [at, family] of familyNames.entries()) {
    const seed = 11 + at
    const [once, again] = [await traced(seed, family), await traced(seed, family)]
    expect(once.length).toBeGreaterThan(100)
    expect(again).toEqual(once)
  }
})

async function explained({ schedule, failure }: Failed): Promise<string> {
  const kept = await shrunk(schedule, failure)
  const text = kept ? `made smaller:\n${textOf(kept)}` : 'played again, it does not fail'
  return `the schedule of seed ${schedule.seed} fails: ${failure.message}\n${text}`
}

/** What happens, without the ids that are drawn outside of the simulation; long lines may cut one. */
async function traced(seed: number, family: FamilyName): Promise<readonly string[]> {
  const lines: string[] = []
  await play(drawSchedule(seed, family), (line) => lines.push(line))
  return lines.map((line) => line.replaceAll(/[\da-f]{8}-[\da-f-]{27}|[\da-f-]+$/g, 'id'))
}
