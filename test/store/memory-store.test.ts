import { describeStore } from './conformance.ts'
import { memoryHarness } from './memory-harness.ts'

describeStore('memory', async () => memoryHarness())
