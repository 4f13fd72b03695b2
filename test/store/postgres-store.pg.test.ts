import { describeStore } from './conformance.ts'
import { postgresHarness } from './postgres-harness.ts'

describeStore('postgres', () => postgresHarness())
