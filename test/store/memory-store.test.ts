import { memoryStore } from '../../src/store/memory/memory-store.ts'
import type { ViewStore } from '../../src/store/store.ts'
import { userLayout } from '../support/view-layouts.ts'
import { describeStore } from './conformance.ts'

describeStore('memory', async () => {
  let store: ViewStore
  return {
    open: async () => store,
    reset: async () => {
      store = memoryStore(userLayout)
    },
    stop: async () => undefined,
  }
})
