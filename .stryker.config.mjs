/**
 * Mutation tests: `npm run test:mutation`, or of some folders of `src`, as
 * `MILLRACE_MUTATE=view,top npm run test:mutation`. Each mutant meets the tests that need no server.
 * What is written for people alone, the texts of logs, messages and hints, is not mutated.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { strykerPlugins as jestPlugins } from '@stryker-mutator/jest-runner'

const folders = [
  'view',
  'decode',
  'consume',
  'partition',
  'coordinate',
  'reconcile',
  'store/memory',
]
const asked = process.env['MILLRACE_MUTATE']?.split(',') ?? [...folders, 'top']
const top = ['src/batch.ts', 'src/pipeline.ts', 'src/transaction.ts']

/** @type {import('@stryker-mutator/api/core').PartialStrykerOptions} */
export default {
  mutate: [
    ...asked.flatMap((folder) => (folder === 'top' ? top : [`src/${folder}/**/*.ts`])),
    // What these ask of a server, tests with that server prove.
    '!src/consume/kafka/**',
    '!src/view/truth-*.ts',
    '!src/view/sql-text.ts',
  ],
  testRunner: 'covering-files',
  testRunnerNodeArgs: ['--experimental-vm-modules', '--no-warnings'],
  jest: { config: jestConfig(), enableFindRelatedTests: true },
  coverageAnalysis: 'perTest',
  ignoreStatic: true,
  ignorers: ['texts'],
  plugins: ['@stryker-mutator/jest-runner', './.stryker.config.mjs'],
  // TypeScript 7 has no interface for JavaScript, by which its configuration would be read.
  tsconfigFile: 'none',
  concurrency: 2,
  timeoutMS: 4_000,
  tempDirName: '.millrace/mutation',
  ignorePatterns: ['.millrace'],
  reporters: ['clear-text', 'progress-append-only', 'json'],
  jsonReporter: { fileName: '.millrace/mutation.json' },
  clearTextReporter: { logTests: false, allowColor: false },
  thresholds: { high: 90, low: 85, break: 85 },
}

function jestConfig() {
  return {
    rootDir: '.',
    roots: ['<rootDir>/src', '<rootDir>/test'],
    testEnvironment: 'node',
    transform: { '\\.ts$': '<rootDir>/test/support/strip-types.mjs' },
    extensionsToTreatAsEsm: ['.ts'],
    testMatch: ['<rootDir>/test/**/*.test.ts'],
    testPathIgnorePatterns: ['\\.(net|redis|pg|kafka|chain|process)\\.test\\.ts$', '/simulation/'],
  }
}

export const strykerPlugins = [
  { kind: 'TestRunner', name: 'covering-files', factory: coveringFiles },
  { kind: 'Ignore', name: 'texts', value: { shouldIgnore: textFor } },
]

/**
 * Stryker's runner for jest loads every test file that can reach a mutated one, for each mutant
 * anew. This one loads those whose tests cover the mutant, the nearest first, until one fails.
 */
function coveringFiles(injector) {
  const runner = jestPlugins[0].factory(injector)
  const { jestTestAdapter: adapter } = runner
  const [runAdapter, dryRun, mutantRun] = [adapter.run, runner.dryRun, runner.mutantRun]
  let testFiles
  adapter.run = (settings) => runAdapter.call(adapter, { ...settings, testFiles })
  runner.dryRun = async (options) => {
    const result = await dryRun.call(runner, options)
    const files = (result.tests ?? []).map(({ id, fileName }) => [id, fileName])
    writeFileSync(testsFile, JSON.stringify(files))
    return result
  }
  runner.mutantRun = async (options) => {
    const byFile = filesOf(options)
    if (byFile.length === 0) return mutantRun.call(runner, options)
    let nrOfTests = 0
    for (const [file, testFilter] of byFile) {
      testFiles = [file]
      const result = await mutantRun.call(runner, { ...options, testFilter })
      testFiles = undefined
      if (result.status !== 'survived') return result
      nrOfTests += result.nrOfTests
    }
    return { status: 'survived', nrOfTests }
  }
  return runner
}
coveringFiles.inject = jestPlugins[0].factory.inject

/** Written in the copy of the tree that is mutated, for every process that runs tests there. */
const testsFile = 'tests-by-file.json'

function filesOf({ testFilter = [], sandboxFileName }) {
  const wanted = new Set(testFilter)
  const tests = JSON.parse(readFileSync(testsFile, 'utf8')).filter(([id]) => wanted.has(id))
  const near = dirname(sandboxFileName).replace('/src', '/test')
  const isFar = ([file]) => Number(!file.startsWith(near))
  return Object.entries(Object.groupBy(tests, ([, file]) => file))
    .map(([file, each]) => [file, each.map(([id]) => id)])
    .toSorted((a, b) => isFar(a) - isFar(b) || b[1].length - a[1].length)
}

/** Why a part of the source is not mutated; undefined where it is. */
function textFor({ node, parent, key, listKey }) {
  if (node.type === 'CallExpression' && isLog(node.callee)) return 'a log line'
  if (node.type === 'ObjectProperty' && node.key.name === 'hint') return 'a hint'
  if (parent?.type !== 'NewExpression' || listKey !== 'arguments') return undefined
  if (parent.callee.name === 'MillraceError') return key === 1 ? 'a message' : undefined
  return /^(Type)?Error$/.test(parent.callee.name) ? 'a message' : undefined
}

/** `log.info`, `this.#parts.log[level]`. */
function isLog(callee) {
  if (callee.type !== 'MemberExpression') return false
  const { object } = callee
  return object.name === 'log' || object.property?.name === 'log'
}
