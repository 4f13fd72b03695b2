import type { ViewLayout } from '../../src/mutation.ts'
import type { ViewStore } from '../../src/store/store.ts'
import { describeAudit } from './conformance-audit.ts'
import { describeCommits } from './conformance-commits.ts'
import { describeCoordination } from './conformance-coordination.ts'
import { describeDoubts } from './conformance-doubts.ts'
import { describeEntries } from './conformance-entries.ts'
import { describeKeep } from './conformance-keep.ts'
import { describeKeys } from './conformance-keys.ts'
import { describePresence } from './conformance-presence.ts'
import { describeRandomOperations } from './conformance-random.ts'
import { describeSetBack } from './conformance-set-back.ts'
import { describeTallies } from './conformance-tallies.ts'
import { describeTallyAudit } from './conformance-tally-audit.ts'
import { describeTogether } from './conformance-together.ts'
import { describeTurn } from './conformance-turn.ts'
import { storeForEachTest, type StoreHarness } from './store-fixture.ts'

/** The one body of tests that every store passes, titled by its name. */
export function describeStore(name: string, setUp: () => Promise<StoreHarness>): void {
  describe(`store ${name}`, () => {
    let harness: StoreHarness
    let store: ViewStore
    const closeAfterwards = storeForEachTest(setUp, (...parts) => {
      ;[harness, store] = parts
    })
    const suite: Suite = {
      get harness() {
        return harness
      },
      get store() {
        return store
      },
      async another(view) {
        const client = await harness.open(view)
        closeAfterwards(client)
        return client
      },
    }

    describeCommits(suite)
    describeEntries(suite)
    describeKeys(suite)
    describePresence(suite)
    describeTallies(suite)
    describeTallyAudit(suite)
    describeKeep(suite)
    describeDoubts(suite)
    describeAudit(suite)
    describeCoordination(suite)
    describeTogether(suite)
    describeTurn(suite)
    describeSetBack(suite)
    describeRandomOperations(suite)
  })
}

/** What each test finds: a client of an empty store, and the way to more. */
export type Suite = {
  readonly harness: StoreHarness
  readonly store: ViewStore
  /** One more client of the same data, or one of another view; closed after the test. */
  another(view?: Pick<ViewLayout, 'name' | 'key'>): Promise<ViewStore>
}
