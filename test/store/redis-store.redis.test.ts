import { describeStore } from './conformance.ts'
import { redisHarness } from './redis-harness.ts'

describeStore('redis', redisHarness)
