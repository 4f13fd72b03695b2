// A test's suffix says what it needs: `x.test.ts` nothing, `x.net.test.ts` sockets and
// time, `x.redis.test.ts`, `x.pg.test.ts`,
// `x.kafka.test.ts` that server alone, `x.chain.test.ts` the whole chain, `x.process.test.ts`
// processes of its own. The simulation needs nothing but minutes.
const common = {
  rootDir: import.meta.dirname,
  // A chain's data beside them has files that jest would take for snapshots of its own.
  roots: ['<rootDir>/src', '<rootDir>/test'],
  testEnvironment: 'node',
  transform: { '\\.ts$': '<rootDir>/test/support/strip-types.mjs' },
  extensionsToTreatAsEsm: ['.ts'],
  // Where the runner finds modules itself. The other one leaves that to Node, and to `setupFiles`.
  moduleNameMapper: {
    '^millrace$': '<rootDir>/src/index.ts',
    '/own-package\\.ts$': '<rootDir>/test/support/mapped-package.ts',
    '^millrace/test$': '<rootDir>/src/test.ts',
  },
}

/**
 * Without a context of its own for each file, which costs more than most of the tests, and slows down
 * all that runs in it. This runner knows no time limits.
 */
const light = {
  runner: 'jest-light-runner',
  setupFiles: ['<rootDir>/test/support/own-package.ts'],
}

const servers = {
  globalSetup: '<rootDir>/test/support/chain-setup.mjs',
  globalTeardown: '<rootDir>/test/support/chain-teardown.mjs',
}

export default {
  // Two files run at a time, each with servers of its own: what takes a second alone may take twenty.
  testTimeout: 60_000,
  projects: [
    {
      ...common,
      ...light,
      displayName: 'pure',
      testMatch: ['<rootDir>/test/**/*.test.ts'],
      testPathIgnorePatterns: [
        '\\.(net|redis|pg|kafka|chain|process)\\.test\\.ts$',
        '/test/simulation/',
      ],
    },
    {
      ...common,
      ...light,
      displayName: 'simulation',
      testMatch: ['<rootDir>/test/simulation/**/*.test.ts'],
    },
    {
      ...common,
      ...servers,
      displayName: 'servers',
      testMatch: ['<rootDir>/test/**/*.{net,redis,pg,kafka}.test.ts'],
    },
    {
      ...common,
      ...servers,
      displayName: 'chain',
      testMatch: ['<rootDir>/test/**/*.{process,chain}.test.ts'],
    },
  ],
}
