import { Random } from '../../src/random.ts'

/** `MILLRACE_TEST_SEED`, else another one each time. */
export function seedOfRun(): number {
  const given = process.env.MILLRACE_TEST_SEED
  return given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given)
}

/** Chance for `what` a test does at random; the seed is printed, and so can be given again. */
export function chanceOf(what: string): Random {
  const seed = seedOfRun()
  process.stdout.write(`${what}: seed ${seed}\n`)
  return new Random(seed)
}
