import { readdirSync, readFileSync } from 'node:fs'
import { readScript, scriptNames } from '../../src/store/redis/scripts.ts'

const folder = new URL('../../src/store/redis/', import.meta.url)

test('every script file has a name, and every name a file', () => {
  const files = readdirSync(folder).filter((file) => file.endsWith('.lua'))
  expect(files.toSorted()).toEqual(scriptNames.map((name) => `${name}.lua`).toSorted())
})

test('every included file is used, and every include is a file', () => {
  const included = scriptNames.flatMap((name) => {
    const text = readFileSync(new URL(`${name}.lua`, folder), 'utf8')
    return [...text.matchAll(/^-- include (\w+)$/gm)].map(([, part]) => `${part}.lua`)
  })
  const files = readdirSync(new URL('include/', folder))
  expect([...new Set(included)].toSorted()).toEqual(files.toSorted())
  for (const name of scriptNames) expect(readScript(name).source).not.toMatch(/^-- include/m)
})

describe.each(scriptNames)('script %s', (name) => {
  const lines = readScript(name).source.trimEnd().split('\n')
  const header = lines.slice(
    1,
    lines.findIndex((line) => !line.startsWith('--') && line !== lines[0]),
  )
  const body = lines.slice(header.length + 1)

  test('begins with a line that makes Redis refuse it up front', () => {
    expect(lines[0]).toMatch(/^#!lua( flags=no-writes)?$/)
    const writes =
      /'(HSET|HDEL|HINCRBY|DEL|UNLINK|SET|PEXPIRE|RENAME|ZADD|ZREM)'/.test(body.join('\n')) ||
      /^raise\(/m.test(body.join('\n'))
    expect(lines[0] === '#!lua flags=no-writes').toBe(!writes)
  })

  test('asks for its rights before it calls any command, where it writes', () => {
    const { source, readOnly } = readScript(name)
    const asks = source.indexOf('redis.acl_check_cmd(')
    if (readOnly) return expect(asks).toBe(-1)
    const list = /ipairs\(\{('[A-Z]+'(?:, '[A-Z]+')*)\}\)/.exec(source)![1]!.split(', ')
    const calls = [...source.matchAll(/redis\.p?call\(('[A-Z]+')?/g)]
    expect(new Set(list)).toEqual(new Set(calls.map((call) => call[1])))
    const main = readFileSync(new URL(`${name}.lua`, folder), 'utf8')
    const first = main.search(/^(?!--|local \w+ = (KEYS|ARGV)\[\d+\]$|local \w+At = \d+$|\n|#)/m)
    expect(main.slice(0, first)).toContain('-- include rights\n')
  })

  test('has a contract on top: what it does, KEYS, ARGV and results', () => {
    expect(header[0]).toMatch(/^-- [A-Z].*/)
    expect(header.join('\n')).toMatch(/^-- Returns one of$/m)
    const returned = body.join('\n').matchAll(/(?:return|result =) \{'([a-z]+)'/g)
    const kinds = new Set([...returned].map((match) => match[1]))
    const documented = header.join('\n').matchAll(/^-- {3}\{'([a-z]+)'/gm)
    expect(new Set([...documented].map((match) => match[1]))).toEqual(kinds)
  })

  test('names each key and argument as its contract does, and uses no other', () => {
    const documented = header.flatMap((line) => {
      const [, list, index, open, word] = /^-- (KEYS|ARGV)\[(\d+)(\.\.)?\] (\w+) /.exec(line) ?? []
      if (!word) return []
      return open ? `local ${word} = ${index}` : `local ${word} = ${list}[${index}]`
    })
    expect(documented.length).toBeGreaterThan(0)
    const named = body.filter((line) => /^local (\w+ = (KEYS|ARGV)\[\d+\]|\w+At = \d+)$/.test(line))
    expect(named).toEqual(documented)
    const rest = body.filter((line) => !named.includes(line)).join('\n')
    expect(rest).not.toMatch(/(KEYS|ARGV)\[\d/)
  })

  test('uses every key and argument that it names', () => {
    const named = body.flatMap((line) => /^local (\w+) = (?:KEYS|ARGV)\[/.exec(line)?.[1] ?? [])
    const unused = named.filter((word) => {
      const uses = body.join('\n').matchAll(new RegExp(`\\b${word}\\b`, 'g'))
      return [...uses].length < 2
    })
    expect(unused).toEqual([])
  })
})
