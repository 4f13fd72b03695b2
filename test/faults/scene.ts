import type { Chain } from '../../src/dev/chain.ts'
import type { AlwaysThere } from '../support/always-there.ts'
import type { ChainHarness } from '../support/chain-harness.ts'
import type { TestTopics } from '../support/kafka-topics.ts'
import { sleep, until } from '../support/wait.ts'

/** What every doubt is brought about on: one chain, its worker `worker-a`, one client that reads all the time. */
export type Scene = {
  readonly chain: Chain
  readonly topics: TestTopics
  readonly harness: ChainHarness
  readonly reader: AlwaysThere
}

/** Does it under traffic, until readers are told and the doubt has ended; answers the reason they got. */
export async function doubted(
  { harness, reader }: Pick<Scene, 'harness' | 'reader'>,
  code: string,
  act: () => Promise<void>,
): Promise<string> {
  reader.forget()
  const traffic = harness.traffic(100)
  try {
    await sleep(500)
    await act()
    const reason = await reader.untilDoubted(code)
    await until('the doubt ends under traffic', async () => {
      return !(await harness.doubts()).some((each) => each.code === code)
    })
    return reason
  } finally {
    await traffic.stop()
  }
}
