// Before the tests that need servers: fetches what is missing, so that no test's time limit has to
// bear a download, and makes a folder for each worker's chain that its chain tests share. What the run
// leaves behind when it is interrupted is ended by a process that waits for its end.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { serverNames } from '../../src/dev/chain-options.ts'
import { findPrograms } from '../../src/dev/start-chain.ts'
import { makeSharedFolders, sharedFolders } from './test-folders.ts'

export default async function setUp({ maxWorkers }) {
  if (sharedFolders().length > 0) return
  await findPrograms(serverNames, { say: (line) => process.stderr.write(`${line}\n`) })
  makeSharedFolders(maxWorkers)
  const waiting = join(import.meta.dirname, 'after-run.ts')
  const args = ['--no-warnings', waiting, String(process.pid)]
  spawn(process.execPath, args, { detached: true, stdio: 'ignore' }).unref()
}
