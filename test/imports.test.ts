import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'

/**
 * Which folder of `src` may import which: itself, the words at the top of `src`, and what stands
 * here. Nothing imports upwards, and nothing imports a tool (`dev`, `bench`, `traffic`).
 */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  types: [],
  words: ['types'],
  view: ['types'],
  project: ['view'],
  consume: [],
  store: ['types'],
  source: ['types', 'view'],
  decode: ['types', 'view'],
  pipeline: ['view', 'consume', 'decode', 'store'],
  partition: ['view', 'consume', 'decode', 'store', 'pipeline'],
  coordinate: ['view', 'consume', 'source', 'store'],
  plan: ['types', 'view', 'consume', 'source', 'store', 'coordinate'],
  reconcile: ['view', 'consume', 'decode', 'source', 'store', 'coordinate'],
  web: ['types', 'view', 'store', 'coordinate', 'reconcile'],
  roles: [
    'view',
    'project',
    'source',
    'consume',
    'decode',
    'store',
    'pipeline',
    'partition',
    'coordinate',
    'plan',
    'reconcile',
    'web',
  ],
  dev: ['types', 'view', 'project', 'consume', 'source', 'store', 'plan'],
  traffic: ['dev'],
  bench: ['types', 'dev', 'traffic', 'project', 'view', 'store', 'coordinate', 'reconcile'],
  main: ['project', 'roles', 'dev', 'bench', 'traffic'],
  kit: ['types', 'view', 'store', 'web'],
  index: ['types', 'view', 'project'],
  test: ['view', 'kit'],
}

/** Packages that one folder alone knows. */
const owners: Readonly<Record<string, string>> = {
  kafkajs: 'src/consume/kafka/',
  ioredis: 'src/store/redis/',
  fastify: 'src/web/',
  '@fastify/swagger': 'src/web/',
  avsc: 'src/decode/',
  '@kafkajs/confluent-schema-registry': 'src/decode/',
}
/** Tools that look at the servers of a chain from outside. */
const tools = ['src/dev/', 'src/bench/', 'src/traffic/']

const src = resolve(import.meta.dirname, '../src')
const topLevel: Readonly<Record<string, string>> = {
  'index.ts': 'index',
  'test.ts': 'test',
  'main.ts': 'main',
  'commands.ts': 'main',
  'pipeline.ts': 'pipeline',
  'batch.ts': 'pipeline',
}

function roomOf(file: string): string {
  const path = relative(src, file)
  return path.includes('/') ? path.split('/', 1)[0]! : (topLevel[path] ?? 'words')
}

const files = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => join(src, file))

function importsOf(file: string): string[] {
  const text = readFileSync(file, 'utf8')
  return [...text.matchAll(/(?:from|import\(|^import)\s*'([^']+)'/gm)].map(([, name]) => name!)
}

test('folders import downwards only', () => {
  const wrong = files.flatMap((file) => {
    const room = roomOf(file)
    const allowed = new Set([room, 'words', ...mayImport[room]!])
    return importsOf(file)
      .filter((name) => name.startsWith('.'))
      .filter((name) => !allowed.has(roomOf(resolve(dirname(file), name))))
      .map((name) => `${relative(src, file)} imports ${name}`)
  })
  expect(wrong).toEqual([])
})

test('a package that one folder owns is imported there and by tools alone', () => {
  const wrong = files.flatMap((file) => {
    const path = `src/${relative(src, file)}`
    return importsOf(file)
      .filter((name) => owners[name] !== undefined)
      .filter((name) => ![owners[name]!, ...tools].some((place) => path.startsWith(place)))
      .map((name) => `${path} imports ${name}`)
  })
  expect(wrong).toEqual([])
})
