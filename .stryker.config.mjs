/**
 * Mutation tests: `npm run test:mutation`, or of some folders of `src`, as
 * `MILLRACE_MUTATE=view,top npm run test:mutation`. Each mutant meets the tests that need no server.
 * What is written for people alone, the texts of logs, messages and hints, is not mutated.
 */
import { MutationRunner } from './test/support/mutation-runner.mjs'

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
/** Tests of these parts, and of what they are made of. */
const tests =
  /^((batch|pipeline|transaction)\.|(view|decode|consume|partition|coordinate|reconcile|store)\/)/
const top = ['src/batch.ts', 'src/pipeline.ts', 'src/transaction.ts']

/** @type {import('@stryker-mutator/api/core').PartialStrykerOptions} */
export default {
  mutate: [
    ...asked.flatMap((folder) => (folder === 'top' ? top : [`src/${folder}/**/*.ts`])),
    // What these ask of a server, tests with that server prove.
    '!src/consume/kafka/**',
    '!src/decode/registry.ts',
    '!src/view/truth-*.ts',
    '!src/view/sql-text.ts',
  ],
  testRunner: 'without-servers',
  testRunnerNodeArgs: ['--no-warnings'],
  coverageAnalysis: 'perTest',
  ignoreStatic: true,
  ignorers: ['texts'],
  plugins: ['./.stryker.config.mjs'],
  // TypeScript 7 has no interface for JavaScript, by which its configuration would be read.
  tsconfigFile: 'none',
  concurrency: 2,
  timeoutMS: 2_000,
  tempDirName: '.millrace/mutation',
  ignorePatterns: ['.millrace'],
  reporters: ['clear-text', 'progress-append-only', 'json'],
  jsonReporter: { fileName: '.millrace/mutation.json' },
  clearTextReporter: { logTests: false, allowColor: false },
  thresholds: { high: 90, low: 85, break: 85 },
}

export const strykerPlugins = [
  { kind: 'TestRunner', name: 'without-servers', factory: () => new MutationRunner(tests) },
  { kind: 'Ignore', name: 'texts', value: { shouldIgnore: textFor } },
]

/** Why a part of the source is not mutated; undefined where it is. */
function textFor({ node, parent, key, listKey }) {
  const call = node.type === 'ExpressionStatement' ? node.expression : node
  if (call.type === 'CallExpression' && isLog(call.callee)) return 'a log line'
  if (node.type === 'ObjectProperty' && node.key.name === 'hint') return 'a hint'
  if (parent?.type !== 'NewExpression' || listKey !== 'arguments') return undefined
  if (parent.callee.name === 'MillraceError') {
    return key === 1 || isHint(node) ? 'a message' : undefined
  }
  return /^(Type)?Error$/.test(parent.callee.name) ? 'a message' : undefined
}

/** `{ hint: '…' }`. */
function isHint({ type, properties }) {
  return type === 'ObjectExpression' && properties.every(({ key }) => key?.name === 'hint')
}

/** `log.info`, `this.#parts.log[level]`. */
function isLog(callee) {
  if (callee.type !== 'MemberExpression') return false
  const { object } = callee
  return object.name === 'log' || object.property?.name === 'log'
}
