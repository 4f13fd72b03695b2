/**
 * Stryker's runner for the tests that need no server. They are loaded once; then each mutant meets
 * those that cover it, the nearest first, until one fails. A process in which a test never ends, or
 * fails without a mutant, is left: Stryker begins another one and tries the mutant again.
 */
import { readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { inspect } from 'node:util'
import { expect } from 'expect'

const needsServer = /\.(net|redis|pg|kafka|chain|process)\.test\.ts$/
/** A test that takes so much longer than it did at first hangs. */
const hangFactor = 20
const hangLeastMs = 2_000

export class MutationRunner {
  #wanted
  #tests = []
  /** Why this process is of no use any more. */
  #left = ''

  /** @param {RegExp} wanted paths, below `test`, of the tests to run. */
  constructor(wanted) {
    this.#wanted = wanted
  }

  /** What is loaded is never mutated while it is loaded, so nothing has to be loaded again. */
  capabilities() {
    return { reloadEnvironment: true }
  }

  async init() {
    Object.assign(globalThis, { expect })
    const root = join(process.cwd(), 'test')
    const files = readdirSync(root, { recursive: true })
      .filter((name) => name.endsWith('.test.ts') && !needsServer.test(name))
      .filter((name) => this.#wanted.test(name))
    for (const file of files) this.#tests.push(...(await testsIn(join(root, file))))
  }

  async dryRun() {
    const results = []
    for (const test of this.#tests) {
      spaceOf().currentTestId = test.id
      const startedMs = performance.now()
      const failure = await failureOf(test)
      test.tookMs = performance.now() - startedMs
      results.push(resultOf(test, failure))
    }
    spaceOf().currentTestId = undefined
    return { status: 'complete', tests: results, mutantCoverage: spaceOf().mutantCoverage }
  }

  async mutantRun({ activeMutant, testFilter, sandboxFileName, hitLimit }) {
    if (this.#left) throw new Error(this.#left)
    const tests = nearestFirst(this.#tests, sandboxFileName).filter(
      ({ id }) => testFilter?.includes(id) ?? true,
    )
    const space = spaceOf()
    Object.assign(space, { activeMutant: activeMutant.id, hitLimit, hitCount: hitLimit && 0 })
    for (const [index, test] of tests.entries()) {
      const failure = await Promise.race([failureOf(test), hanging(test)])
      if (failure === hangs && (await isBusy())) this.#left = `${test.id} does not end`
      if (failure === hangs || space.hitCount > hitLimit) {
        return { status: 'timeout', reason: test.id }
      }
      if (failure === undefined) continue
      space.activeMutant = undefined
      const other = await failureOf(test)
      if (other !== undefined) {
        this.#left = `${test.id} fails without a mutant: ${other.message}`
        throw new Error(this.#left)
      }
      const failureMessage = failure.message
      return { status: 'killed', killedBy: [test.id], failureMessage, nrOfTests: index + 1 }
    }
    space.activeMutant = undefined
    return { status: 'survived', nrOfTests: tests.length }
  }
}

/** What instrumented files ask for the active mutant, and write their coverage to. */
function spaceOf() {
  return (globalThis['__stryker__'] ??= {})
}

const hangs = Symbol('hangs')

/** True when something goes round in circles. */
async function isBusy() {
  const before = performance.eventLoopUtilization()
  await sleep(50)
  return performance.eventLoopUtilization(before).utilization > 0.5
}

async function hanging({ tookMs = 0 }) {
  await sleep(Math.max(hangLeastMs, tookMs * hangFactor), undefined, { ref: false })
  return hangs
}

function nearestFirst(tests, sandboxFileName) {
  const near = dirname(sandboxFileName).replace('/src', '/test')
  const isFar = ({ fileName }) => Number(!fileName.startsWith(near))
  return tests.toSorted((a, b) => isFar(a) - isFar(b) || (a.tookMs ?? 0) - (b.tookMs ?? 0))
}

function resultOf({ id, fileName, tookMs }, failure) {
  const common = { id, name: id, fileName, timeSpentMs: tookMs }
  if (failure === undefined) return { ...common, status: 'success' }
  return { ...common, status: 'failed', failureMessage: failure.stack }
}

/** What the test, or what is to be done before and after it, throws; undefined when nothing is. */
async function failureOf({ scopes, body }) {
  try {
    for (const { beforeAll } of scopes) for (const act of beforeAll) await act()
    for (const { beforeEach } of scopes) for (const act of beforeEach) await act()
    try {
      await body()
    } finally {
      for (const { afterEach } of scopes.toReversed()) for (const act of afterEach) await act()
      for (const { afterAll } of scopes.toReversed()) for (const act of afterAll) await act()
    }
    return undefined
  } catch (error) {
    return Error.isError(error) ? error : new Error(inspect(error))
  }
}

/** Loads a file, and answers its tests in their order. */
async function testsIn(fileName) {
  const tests = []
  let scopes = [newScope('')]
  const add = (title, body) => {
    const named = [fileName.split('/test/').at(-1), ...scopes.map(({ title: of }) => of), title]
    const id = `${named.filter(Boolean).join(' › ')} ${tests.length}`
    tests.push({ id, fileName, scopes, body })
  }
  const describe = (title, body) => {
    scopes = [...scopes, newScope(title)]
    body()
    scopes = scopes.slice(0, -1)
  }
  const hooks = ['beforeAll', 'beforeEach', 'afterEach', 'afterAll'].map((name) => [
    name,
    (act) => scopes.at(-1)[name].push(act),
  ])
  Object.assign(globalThis, Object.fromEntries(hooks), {
    describe: Object.assign(describe, { each: eachOf(describe) }),
    test: Object.assign(add, { each: eachOf(add) }),
    it: add,
  })
  await import(pathToFileURL(fileName).href)
  return tests
}

function newScope(title) {
  return { title, beforeAll: [], beforeEach: [], afterEach: [], afterAll: [] }
}

function eachOf(define) {
  return (rows) => (title, body) => {
    for (const row of rows) define(title, () => (Array.isArray(row) ? body(...row) : body(row)))
  }
}
