/** What a chain that has come up prints of itself. */
import { join, relative } from 'node:path'
import type { Project } from '../project/project.ts'
import type { Chain } from './chain.ts'
import { exampleRequests } from './example-requests.ts'
import type { Example } from './examples.ts'
import { chainFolder } from './folders.ts'
import { shownUrl } from './urls.ts'

export async function tellWhereEverythingIs(
  chain: Chain,
  project: Project,
  example: Example | undefined,
): Promise<void> {
  const { urls, folders, env } = chain
  const { MILLRACE_SOURCE: source = '', MILLRACE_SOURCE_APP: own } = env
  const requests = await exampleRequests({ ...project, source, api: urls.api })
  const lines = [
    ...requests.map((request) => ['Try', request] as const),
    ...commandsFor(chain, example),
    ['API', `${urls.api}/status`],
    // For psql and redis-cli. Passwords of servers that are not of the chain are nothing to show.
    ['Postgres', own ?? shownUrl(source)],
    ...(chain.runs('redis') ? [['Redis', env.MILLRACE_REDIS_READER] as const] : []),
    ['Kafka', urls.kafka],
    ['Registry', urls.registry],
    ['Connect', urls.connect],
    ['Logs', near(folders.logs)],
    ['For tools', near(join(folders.chain, 'chain.json'))],
  ] as const
  let last = ''
  for (const [what, where] of lines) {
    process.stdout.write(`          ${(what === last ? '' : what).padEnd(10)} ${where ?? ''}\n`)
    last = what
  }
}

/** Other commands look for a chain in `.millrace`, and those of examples lie elsewhere. */
function commandsFor(
  chain: Chain,
  example: Example | undefined,
): readonly (readonly [string, string])[] {
  if (example === undefined) return []
  const folder = chain.folders.chain
  const isUsual = folder === chainFolder({})
  const here = isUsual ? '' : `MILLRACE_FOLDER=${near(folder)} `
  const source = chain.env.MILLRACE_SOURCE_APP ?? ''
  // The arguments of a process are for everybody on the machine to see, and its environment is not.
  const generate = example.generator
    ? `MILLRACE_SOURCE_APP=${source} node ${near(example.generator)}`
    : `${here}npm run traffic`
  return [
    ['Rows', generate],
    ['Commands', `${here}npm run status`],
  ]
}

function near(path: string): string {
  return relative(process.cwd(), path) || '.'
}
