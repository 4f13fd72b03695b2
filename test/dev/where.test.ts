import { readConfig } from '../../src/config.ts'
import { envOf, urlsOf, type GivenSource } from '../../src/dev/chain-env.ts'
import type { Chain } from '../../src/dev/chain.ts'
import { exampleNamed } from '../../src/dev/examples.ts'
import { foldersOf } from '../../src/dev/folders.ts'
import { newPasswords } from '../../src/dev/passwords.ts'
import { usualPorts } from '../../src/dev/ports.ts'
import { tellWhereEverythingIs } from '../../src/dev/where.ts'

const passwords = newPasswords()
const own = (processes: readonly string[], given?: GivenSource) => {
  const env = envOf(usualPorts, passwords, given)
  const runs = (name: string) => processes.includes(name)
  return { env, urls: urlsOf(env), folders: foldersOf('.millrace'), runs } as unknown as Chain
}

/** What is printed of a chain, line by line. */
async function told(...[chain, example]: readonly [Chain, string?]): Promise<readonly string[]> {
  const { write } = process.stdout
  const lines: string[] = []
  process.stdout.write = (text: unknown) => lines.push(String(text)) > 0
  try {
    const project = { config: readConfig({}), views: [], path: undefined }
    await tellWhereEverythingIs(chain, project, example ? exampleNamed(example) : undefined)
  } finally {
    process.stdout.write = write
  }
  return lines
}

/** The passwords that lines hold, by whose they are. */
function heldBy(lines: readonly string[], known: Readonly<Record<string, string>>): string[] {
  const text = lines.join('')
  return Object.keys(known).filter((name) => text.includes(known[name]!))
}

test('of passwords, those of the application and of the reader of Redis are printed alone', async () => {
  const lines = await told(own(['postgres', 'redis']))
  expect(heldBy(lines, passwords)).toEqual(['app', 'reader'])
  const url = `redis://millrace-reader:${passwords.reader}@127.0.0.1:6379`
  expect(lines.find((line) => line.includes('Redis'))).toMatch(new RegExp(`${url}\n$`))
})

test('no password of a server that is not of the chain is printed', async () => {
  const secrets = { source: 'secret-1', owner: 'secret-2', writer: 'secret-3', reads: 'secret-4' }
  const url = (secret: string) => `postgres://ada:${secret}@db.example/shop`
  const given = {
    source: url(secrets.source),
    sourceOwner: url(secrets.owner),
    capture: undefined,
    postgres: url(secrets.writer),
    postgresReader: url(secrets.reads),
  }
  const lines = await told(own([], given))
  expect(heldBy(lines, { ...passwords, ...secrets })).toEqual([])
  expect(lines.find((line) => line.includes('Postgres'))).toContain(
    'postgres://ada@db.example/shop',
  )
})

test('what fills the tables of an example gets its URL by its environment, not by an argument', async () => {
  const lines = await told(own(['postgres', 'redis']), 'shop')
  expect(lines.find((line) => line.includes('generate.ts'))).toMatch(
    /MILLRACE_SOURCE_APP=postgres:\S+ node examples\/shop\/generate\.ts\n$/,
  )
})
