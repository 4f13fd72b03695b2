import type { Chain } from '../../src/dev/chain.ts'
import type { AlwaysThere } from '../support/always-there.ts'
import type { ChainHarness } from '../support/chain-harness.ts'
import type { TestTopics } from '../support/kafka-topics.ts'

/** What every doubt is brought about on: one chain, its worker `worker-a`, one client that reads all the time. */
export type Scene = {
  readonly chain: Chain
  readonly topics: TestTopics
  readonly harness: ChainHarness
  readonly reader: AlwaysThere
}
