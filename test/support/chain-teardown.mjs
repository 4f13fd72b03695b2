// After the last test: ends the chain that the chain tests shared.
import { removeTestFolder, sharedFolderVariable } from './test-folders.ts'

export default async function tearDown() {
  const folder = process.env[sharedFolderVariable]
  delete process.env[sharedFolderVariable]
  if (folder !== undefined) await removeTestFolder(folder)
}
