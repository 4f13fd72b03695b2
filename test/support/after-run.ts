/**
 * Waits for the end of a run of tests, however it ends, and then ends what it has left behind.
 * `node after-run.ts PID`.
 */
import { identify, isAlive } from '../../src/dev/process-identity.ts'
import { removeOrphans } from './test-folders.ts'
import { sleep } from './wait.ts'

const askEveryMs = 500

const run = identify(Number(process.argv[2]))
while (isAlive(run)) await sleep(askEveryMs)
await removeOrphans()
