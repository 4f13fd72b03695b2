import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { foldersOf, makePrivateFolder, type Folders } from '../../src/dev/folders.ts'
import { kafkaSpec } from '../../src/dev/servers/kafka.ts'
import { readFile, writeFile } from '../../src/dev/small-files.ts'
import { versions } from '../../src/dev/versions.ts'
import { newTestFolder, removeTestFolder } from '../support/test-folders.ts'

let folders: Folders

beforeEach(() => {
  folders = foldersOf(newTestFolder())
  for (const path of [folders.data, folders.logs, folders.settings]) makePrivateFolder(path)
  mkdirSync(join(folders.data, 'kafka'))
  writeFileSync(join(folders.data, 'kafka', 'meta.properties'), '')
})

afterEach(() => removeTestFolder(folders.chain))

const spec = () => kafkaSpec(folders, { java: 'no-java', jars: '', port: 1, controllerPort: 2 })
const versionPath = () => join(folders.data, 'kafka-version.json')

test.each([
  ['a newer Kafka', '10.0.0'],
  ['one of which nothing is known', undefined],
])('data of %s is refused, with the folder to delete', async (_, version) => {
  if (version !== undefined) writeFile(versionPath(), version)
  await expect(spec()).rejects.toMatchObject({
    code: 'kafka-data',
    message: expect.stringContaining(join(folders.data, 'kafka')) as string,
    hint: expect.stringContaining('Delete that folder') as string,
  })
})

test.each([versions.kafka, '3.9.1'])(
  'data of Kafka %s is used, and newer from then on',
  async (version) => {
    writeFile(versionPath(), version)
    await expect(spec()).resolves.toMatchObject({ name: 'kafka' })
    expect(readFile(versionPath())).toBe(versions.kafka)
  },
)

test('data that is just made has its version before it is formatted', async () => {
  rmSync(join(folders.data, 'kafka', 'meta.properties'))
  await expect(spec()).rejects.toMatchObject({ code: 'command' })
  expect(readFile(versionPath())).toBe(versions.kafka)
})
