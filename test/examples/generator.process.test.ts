import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { exampleNamed } from '../../src/dev/examples.ts'

const examples = new URL('../../examples/', import.meta.url)
const names = readdirSync(examples, { withFileTypes: true })
  .filter((each) => each.isDirectory())
  .flatMap(({ name }) => (exampleNamed(name).generator === undefined ? [] : [name]))

test.each(names)(
  'the generator of %s runs by itself, before the package was built',
  async (name) => {
    const child = spawn(process.execPath, ['--no-warnings', exampleNamed(name).generator!], {
      env: { PATH: process.env.PATH },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let said = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
    const [code] = (await once(child, 'exit')) as [number]
    expect(said).toContain('usage: node generate.ts')
    expect(code).toBe(2)
  },
)
