// After the last test: ends the chains that the chain tests shared.
import { forgetSharedFolders, removeTestFolder } from './test-folders.ts'

export default async function tearDown() {
  for (const folder of forgetSharedFolders()) await removeTestFolder(folder)
}
