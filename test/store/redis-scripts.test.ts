import { readdirSync } from 'node:fs'
import { readScript, scriptNames } from '../../src/store/redis/scripts.ts'

const folder = new URL('../../src/store/redis/', import.meta.url)

test('every script file has a name, and every name a file', () => {
  const files = readdirSync(folder).filter((file) => file.endsWith('.lua'))
  expect(files.toSorted()).toEqual(scriptNames.map((name) => `${name}.lua`).toSorted())
})

describe.each(scriptNames)('script %s', (name) => {
  const lines = readScript(name).source.trimEnd().split('\n')
  const header = lines.slice(
    1,
    lines.findIndex((line) => !line.startsWith('--') && line !== lines[0]),
  )
  const body = lines.slice(header.length + 1)

  test('begins with a line that makes Redis refuse it up front', () => {
    expect(lines[0]).toMatch(/^#!lua( flags=(no-writes|allow-oom))?$/)
    const writes = /redis\.call\('(HSET|HSETNX|HDEL|HINCRBY|DEL|UNLINK|SET)'/.test(body.join('\n'))
    expect(lines[0] === '#!lua flags=no-writes').toBe(!writes)
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
    const named = body.filter((line) => /^local \w+ = ((KEYS|ARGV)\[\d+\]|\d+)$/.test(line))
    expect(named).toEqual(documented)
    const rest = body.filter((line) => !named.includes(line)).join('\n')
    expect(rest).not.toMatch(/(KEYS|ARGV)\[\d/)
  })
})
