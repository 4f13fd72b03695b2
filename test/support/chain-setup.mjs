// Before the tests that need servers: fetches what is missing, so that no test's time limit has to
// bear a download, and makes the folder of the chain that the chain tests share.
import { serverNames } from '../../src/dev/chain-options.ts'
import { findPrograms } from '../../src/dev/start-chain.ts'
import { newTestFolder, sharedFolderVariable } from './test-folders.ts'

export default async function setUp() {
  if (process.env[sharedFolderVariable] !== undefined) return
  await findPrograms(serverNames, { say: (line) => process.stderr.write(`${line}\n`) })
  process.env[sharedFolderVariable] = newTestFolder()
}
