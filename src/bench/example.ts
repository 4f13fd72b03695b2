/** Measures one of the applications of `examples`: building its views, what they take, reading them. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Redis } from 'ioredis'
import { systemClock } from '../clock.ts'
import type { Chain } from '../dev/chain.ts'
import { exampleNamed, type Example } from '../dev/examples.ts'
import { withClient } from '../dev/sql-files.ts'
import { startRole } from '../dev/start-role.ts'
import { waitFor } from '../dev/wait.ts'
import { splitKey } from '../entry-key.ts'
import { MillraceError } from '../errors.ts'
import { loadProject } from '../project/project.ts'
import { tablesOf, type View } from '../view/view.ts'
import {
  serves,
  withFilledChain,
  workerName,
  type Attending,
  type FilledChain,
} from './filled-chain.ts'
import { mergingOf } from './merging.ts'
import { processSeconds, residentMib } from './process-time.ts'
import { projection } from './projection.ts'
import { measureReads, warmUpMs } from './reads.ts'
import { sizesOf, sizeText, usedBytes, type ViewSize } from './redis-memory.ts'
import { verified } from './verified.ts'

export type ExampleOptions = Attending & {
  /** Of the example. */
  readonly name: string
  /** Rows that its generator makes, of the largest table. */
  readonly rows: number
  /** Films of the shop beside those that its generator makes. */
  readonly films: number
  readonly forMs: number
  readonly connections: number
  readonly show: (line: string) => void
}

/** The chain, with what was found out about it so far. */
type Measured = FilledChain & {
  readonly redis: Redis
  readonly sizes: ReadonlyMap<string, ViewSize>
}

type Reading = {
  readonly what: string
  readonly view: string
  /** Behind each path, as `?recommend=0`. */
  readonly query: string
  /** Reads a second. */
  readonly rate: number
}

type Case = {
  readonly reads: readonly Reading[]
  readonly besides?: (measured: Measured, options: ExampleOptions) => Promise<void> | void
}

const cases: Readonly<Record<string, Case>> = {
  music: {
    reads: [
      { what: 'listeners with names', view: 'listener', query: '?recommend=0', rate: 500 },
      { what: 'listeners with recommendations', view: 'listener', query: '', rate: 10 },
    ],
  },
  motors: {
    reads: [{ what: 'preferences', view: 'preferences', query: '?days=60', rate: 50 }],
    besides: ({ sizes }, { show }) => projection(sizes.get('interest-day')!).forEach(show),
  },
  play: {
    reads: [],
    besides: (measured, options) => mergingOf(measured, options),
  },
  shop: {
    reads: [
      { what: 'films', view: 'movie', query: '', rate: 500 },
      { what: 'customers with films', view: 'customer', query: '', rate: 100 },
    ],
  },
}

const sayEveryMs = 5_000
const servedWithinMs = 60_000

export async function measureExample(options: ExampleOptions): Promise<void> {
  const { name, signal, show } = options
  const example = exampleNamed(name)
  const asked = cases[name]
  if (!asked) {
    const hint = `There are ${Object.keys(cases).join(', ')}; \`bench build\` and the others measure social.`
    throw new MillraceError('arguments', `'${name}' has no benchmark of its own`, { hint })
  }
  const init = example.init.slice(0, 1)
  const fill = (chain: Chain) => fillSource(chain, example, options)
  const chainOf = { ...options, configFile: example.config, init, fill }
  await withFilledChain(chainOf, async (filled) => {
    const redis = new Redis(filled.chain.urls.redis)
    try {
      const before = await usedBytes(redis)
      await measureBuild(filled, options)
      const sizes = await sizesOf(
        redis,
        filled.kept.map(({ view }) => view.name),
      )
      for (const [view, size] of sizes) show(`memory    ${sizeText(view, size)}`)
      show(`          Redis has ${mib((await usedBytes(redis)) - before)} MiB more than before`)
      const measured = { ...filled, redis, sizes }
      await measureAllReads(measured, asked.reads, options)
      await asked.besides?.(measured, options)
      show(`verify    ${(await verified(filled.chain, signal)).said}`)
    } finally {
      redis.disconnect()
    }
  })
}

/** What the example's own generator makes, and then what this adds to it. */
async function fillSource(
  chain: Chain,
  { generator, config }: Example,
  { rows, films, name, say, signal }: ExampleOptions,
): Promise<void> {
  const startedMs = systemClock.monotonicMs()
  const source = chain.env.MILLRACE_SOURCE_APP!
  const args = ['--no-warnings', generator!, '--source', source, '--rows', String(rows)]
  say(`${name}: rows are written`)
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'], signal })
  const [code] = (await once(child, 'exit')) as [number | null]
  if (code !== 0) throw new MillraceError('bench', `the generator of ${name} ended with ${code}`)
  if (films > 0 && name === 'shop') await addFilms(source, films, { say, signal })
  const { views } = await loadProject({ folder: chain.folders.chain, env: {}, path: config })
  const counts = await withClient(source, async (client) => {
    const counted: string[] = []
    for (const table of new Set(views.flatMap((view) => tablesOf(view)))) {
      const { rows: found } = await client.query<{ count: string }>(`select count(*) from ${table}`)
      counted.push(`${found[0]!.count} ${table}`)
    }
    return counted
  })
  const tookMs = systemClock.monotonicMs() - startedMs
  say(`${counts.join(', ')} were written in ${seconds(tookMs)} s`)
}

const filmsAtOnce = 500_000

async function addFilms(
  source: string,
  films: number,
  { say, signal }: Pick<Attending, 'say' | 'signal'>,
) {
  await withClient(
    source,
    async (client) => {
      for (let done = 0; done < films && !signal.aborted; done += filmsAtOnce) {
        await client.query(
          `insert into movies select id, 'Film ' || id, 'silent', date '1910-01-01' + id % 42000
            from generate_series($1::integer, $2::integer) id on conflict do nothing`,
          [done + 1, Math.min(films, done + filmsAtOnce)],
        )
        say(`${Math.min(films, done + filmsAtOnce)} films are written`)
      }
    },
    { statementTimeoutMs: 0 },
  )
}

/** From the worker's start until every view serves. */
async function measureBuild(
  { chain, kept, built, startWorker }: FilledChain,
  { say, show }: ExampleOptions,
): Promise<void> {
  startWorker()
  const { pid } = chain.processes.list().find(({ name }) => name === workerName)!
  const startedMs = systemClock.monotonicMs()
  let [workerMib, saidMs] = [0, startedMs]
  const servedMs = new Map<string, number>()
  await built((states) => {
    workerMib = Math.max(workerMib, residentMib(pid))
    const nowMs = systemClock.monotonicMs()
    const left: string[] = []
    for (const [at, { view }] of kept.entries()) {
      const state = states[at]
      const entries = /"entries":(\d+)/.exec(state?.pass ?? '')?.[1] ?? '0'
      if (!serves(state)) left.push(`${view.name} ${entries}`)
      else if (!servedMs.has(view.name)) servedMs.set(view.name, nowMs - startedMs)
    }
    if (nowMs - saidMs < sayEveryMs || left.length === 0) return
    saidMs = nowMs
    say(`entries that are put in: ${left.join(', ')}`)
  })
  const tookMs = systemClock.monotonicMs() - startedMs
  const each = [...servedMs].map(([view, ms]) => `${view} after ${seconds(ms)} s`)
  show(`build     ${seconds(tookMs)} s from a worker's start to serving: ${each.join(', ')}`)
  show(`memory    of the worker at most ${workerMib.toFixed(0)} MiB`)
}

async function measureAllReads(
  { chain, kept, sizes }: Measured,
  reads: readonly Reading[],
  { forMs, connections, signal, show }: ExampleOptions,
): Promise<void> {
  if (reads.length === 0) return
  startRole(chain, { name: 'api', args: ['api'] })
  await chain.ready('api')
  const { api } = chain.urls
  for (const { what, view: name, query, rate } of reads) {
    const { view } = kept.find((each) => each.view.name === name)!
    const paths = sizes.get(name)!.keys.map((key) => pathTo(view, key) + query)
    const bytes = await answerBytes(api, paths)
    const reading = { api, paths, rate, forMs, connections, signal }
    await measureReads({ ...reading, forMs: warmUpMs })
    const before = processors(chain)
    const found = await measureReads(reading)
    const used = processors(chain).map(
      (each, at) => ((each - before[at]!) * 1_000) / found.answered.count,
    )
    const statuses = [...found.statuses].map(([status, times]) => `${times} x ${status}`)
    show(`reads     ${what}, ${rate}/s: ${found.answered.summary(2)}`)
    show(
      `          ${statuses.join(', ')}; answers of ${bytes.toFixed(0)} bytes; ` +
        `sent late by ${found.lateness.summary(2)}`,
    )
    const [ofApi, ofRedis] = used.map((each) => each.toFixed(2))
    show(`          of a processor per answer: API ${ofApi} ms, Redis ${ofRedis} ms`)
  }
}

/** Seconds of processor time that the API and Redis have used. */
function processors(chain: Chain): readonly number[] {
  const pids = new Map(chain.processes.list().map(({ name, pid }) => [name, pid]))
  return ['api', 'redis'].map((name) => processSeconds(pids.get(name)!))
}

/** The path of an entry, as `serve` of its view has it. */
export function pathTo({ serve = '', key: parts }: Pick<View, 'serve' | 'key'>, key: string) {
  const values = splitKey(key, parts.length) ?? []
  return serve.replaceAll(/:(\w+)/g, (_, name: string) =>
    encodeURIComponent(values[parts.findIndex((part) => part.name === name)] ?? ''),
  )
}

const answersWeighed = 100

/** Of some answers, on average; the first of them is waited for. */
async function answerBytes(api: string, paths: readonly string[]): Promise<number> {
  const ask = async (path: string) => {
    const answer = await fetch(api + path)
    const body = await answer.arrayBuffer()
    if (!answer.ok) throw new MillraceError('bench', `${path} answers ${answer.status}`)
    return body.byteLength
  }
  await waitFor(() => ask(paths[0]!), { what: 'the first answer', timeoutMs: servedWithinMs })
  let sum = 0
  const asked = paths.slice(0, answersWeighed)
  for (const path of asked) sum += await ask(path)
  return sum / asked.length
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(1)
}

function mib(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0)
}
