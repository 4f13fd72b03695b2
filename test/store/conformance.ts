import type { ViewStore } from '../../src/store/store.ts'
import { describeCommits } from './conformance-commits.ts'
import { describeCoordination } from './conformance-coordination.ts'
import { describeEntries } from './conformance-entries.ts'
import { describeRandomOperations } from './conformance-random.ts'
import type { StoreHarness } from './store-fixture.ts'

/** The one body of tests that every store passes, titled by its name. */
export function describeStore(
  name: string,
  setUp: () => Promise<StoreHarness>,
  more: (suite: Suite) => void = () => undefined,
): void {
  describe(`store ${name}`, () => {
    let harness: StoreHarness
    let store: ViewStore
    const opened: ViewStore[] = []
    const suite: Suite = {
      get harness() {
        return harness
      },
      get store() {
        return store
      },
      async another() {
        const client = await harness.open()
        opened.push(client)
        return client
      },
    }

    beforeAll(async () => {
      harness = await setUp()
    }, 60_000)

    afterAll(async () => {
      await harness?.stop()
    }, 30_000)

    beforeEach(async () => {
      await harness.reset()
      store = await suite.another()
    })

    afterEach(async () => {
      await Promise.all(opened.splice(0).map((client) => client.close()))
    })

    describeCommits(suite)
    describeEntries(suite)
    describeCoordination(suite)
    describeRandomOperations(suite)
    more(suite)
  })
}

/** What each test finds: a client of an empty store, and the way to more. */
export type Suite = {
  readonly harness: StoreHarness
  readonly store: ViewStore
  /** One more client of the same data, closed after the test. */
  another(): Promise<ViewStore>
}
