/** Counts entries without an owning row that come to be, and that come to nothing. */
import type { Commit } from '../../src/store/writer.ts'
import type { World } from './world.ts'

/** Answers what is to be called once the commit was applied. */
export function presenceWatch({ store, oracle, count }: World, { mutations }: Commit): () => void {
  const { entries } = store.data
  const { presence } = oracle
  if (presence.length === 0) return () => {}
  const isThere = (key: string) =>
    presence.some((name) => (entries.get(key)?.counts[name] ?? 0n) > 0n)
  const before = mutations.map(({ entry }) => isThere(entry))
  return () => {
    for (const [at, { entry }] of mutations.entries()) {
      if (isThere(entry) === before[at]) continue
      count(`an entry without an owning row ${before[at] ? 'vanished' : 'appeared'}`)
    }
  }
}
